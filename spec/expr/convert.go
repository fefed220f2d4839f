package expr

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
)

// span is a piece of the source, in characters.
type span struct{ from, to int }

func (p *parsing) position(s span) Position { return Position{p.src.rangeOf(s.from, s.to)} }

// own is the span of the token that the parser located a node at.
func (p *parsing) own(n ast.Node) span {
	loc := n.Location()
	from := p.source(loc.From)
	if i := p.token(from); i >= 0 {
		return span{from, p.tokens[i].To}
	}
	return span{from, p.source(loc.To)}
}

// closed extends the span of a node that begins before the bracket at
// character at up to the bracket's partner.
func (p *parsing) closed(from, at int) span {
	return span{from, p.tokens[p.pair[p.token(at)]].To}
}

// operand widens the span of an operand by the brackets around it.
func (p *parsing) operand(s span) span {
	for {
		before, after := p.tokenBefore(s.from), p.tokenAt(s.to)
		if !p.is(before, "(") || after < 0 || p.pair[before] != after {
			return s
		}
		s = span{p.tokens[before].From, p.tokens[after].To}
	}
}

func (p *parsing) tokenBefore(at int) int {
	if i := p.token(at); i >= 0 {
		return i - 1
	}
	return -1
}

// token is the token that begins at a character, or -1.
func (p *parsing) token(at int) int { return int(p.start[at]) - 1 }

// tokenAt is the first token at or after a character, or -1.
func (p *parsing) tokenAt(at int) int {
	for ; at < len(p.runes); at++ {
		if i := p.token(at); i >= 0 {
			return i
		}
	}
	return -1
}

// convert translates a node of the parser's tree, and tells where it stands.
func (p *parsing) convert(n ast.Node) (Expr, span) {
	if p.failed {
		return nil, span{} // the rest is of no use, and what is shared would be met again and again
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if v, ok := numbers[n.Value]; ok {
			return p.literal(n, v)
		}
		s := p.own(n)
		return &Name{p.position(s), n.Value}, s
	case *ast.IntegerNode:
		return p.literal(n, n.Value)
	case *ast.FloatNode:
		return p.literal(n, n.Value)
	case *ast.BoolNode:
		return p.literal(n, n.Value)
	case *ast.StringNode:
		return p.literal(n, n.Value)
	case *ast.NilNode:
		return p.literal(n, nil)
	case *ast.UnaryNode:
		s := p.own(n)
		x, inner := p.convert(n.Node)
		if p.failed {
			return nil, span{}
		}
		s.to = p.operand(inner).to
		op := n.Operator
		if op == "!" {
			op = "not"
		}
		return &Unary{p.position(s), op, x}, s
	case *ast.BinaryNode:
		return p.binary(n)
	case *ast.ConditionalNode:
		test, a := p.convert(n.Cond)
		then, _ := p.convert(n.Exp1)
		otherwise, b := p.convert(n.Exp2)
		if p.failed {
			return nil, span{}
		}
		s := span{p.operand(a).from, p.operand(b).to}
		return &Cond{p.position(s), test, then, otherwise}, s
	case *ast.ArrayNode:
		at := p.source(n.Location().From)
		s := p.closed(at, at)
		list := &List{Position: p.position(s)}
		for _, item := range n.Nodes {
			x, _ := p.convert(item)
			list.Items = append(list.Items, x)
		}
		return list, s
	case *ast.MemberNode:
		return p.member(n)
	case *ast.CallNode:
		return p.call(n)
	case *ast.MapNode:
		at := p.source(n.Location().From)
		s := p.closed(at, at)
		p.fail(diag.ForeignSyntax, s.from, s.to, "", "a mapping {…} can only be the last argument of a call")
		return nil, s
	case *ast.SliceNode:
		_, s := p.convert(n.Node)
		if p.failed {
			return nil, span{}
		}
		s = p.closed(s.from, p.source(n.Location().From))
		p.fail(diag.ForeignSyntax, s.from, s.to, "write slice(x, dim, start, end)", "slices like x[a:b] are not supported")
		return nil, s
	}
	s := p.own(n)
	p.fail(diag.ForeignSyntax, s.from, s.to, "", "this syntax is not supported")
	return nil, s
}

func (p *parsing) literal(n ast.Node, value any) (Expr, span) {
	s := p.own(n)
	return &Literal{p.position(s), value}, s
}

// numbers are those that have a name instead of digits.
var numbers = map[string]float64{"inf": math.Inf(1), "nan": math.NaN()}

func isComparison(op string) bool {
	switch op {
	case "==", "!=", "<", "<=", ">", ">=":
		return true
	}
	return false
}

func (p *parsing) binary(n *ast.BinaryNode) (Expr, span) {
	op := n.Operator
	switch op {
	case "&&":
		op = "and"
	case "||":
		op = "or"
	}
	x, a := p.convert(n.Left)
	y, b := p.convert(n.Right)
	if p.failed {
		return nil, span{}
	}
	left, right := p.operand(a), p.operand(b)
	s := span{left.from, right.to}
	bare := left == a // the left operand stands without brackets
	if !slices.Contains(binaryOperators, op) {
		p.fail(diag.ForeignSyntax, s.from, s.to, "", "`%s` is not supported", op)
	}
	text := func(s span) string { return p.text(s.from, s.to) }
	if u, ok := n.Left.(*ast.UnaryNode); ok && bare && (u.Operator == "not" || u.Operator == "!") && op != "and" && op != "or" {
		p.fail(diag.AmbiguousExpression, s.from, s.to,
			fmt.Sprintf("write not (…), or (%s) %s …", text(a), op), "`not` binds tighter than `%s`", op)
	}
	if l, ok := n.Left.(*ast.BinaryNode); ok {
		r, _ := n.Right.(*ast.BinaryNode)
		shared := r != nil && r.Left == l.Right // how the parser writes a < b < c
		if shared || bare && isComparison(op) && isComparison(l.Operator) {
			second := text(right)
			if !shared {
				_, middle := p.convert(l.Right)
				second = text(p.operand(middle)) + " " + op + " " + second
			}
			p.fail(diag.AmbiguousExpression, s.from, s.to, "write "+text(left)+" and "+second,
				"comparisons can't be chained")
		}
	}
	return &Binary{p.position(s), op, x, y}, s
}

// member converts x.name and x[i].
func (p *parsing) member(n *ast.MemberNode) (Expr, span) {
	x, a := p.convert(n.Node)
	if p.failed {
		return nil, span{}
	}
	from := p.operand(a).from
	at := p.source(n.Location().From)
	if p.runes[at] == '[' {
		index, _ := p.convert(n.Property)
		s := p.closed(from, at)
		return &Index{p.position(s), x, index}, s
	}
	s := span{from, p.own(n).to}
	name, _ := n.Property.(*ast.StringNode)
	if name == nil {
		p.fail(diag.ForeignSyntax, s.from, s.to, "", "this syntax is not supported")
		return nil, s
	}
	return &Member{p.position(s), x, name.Value}, s
}

func (p *parsing) call(n *ast.CallNode) (Expr, span) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return nil, p.method(n)
	}
	name := p.own(callee)
	s := p.closed(name.from, p.tokens[p.token(name.from)+1].From)
	c := &Call{Position: p.position(s), Name: callee.Value[1:], NameAt: p.src.rangeOf(name.from, name.to)}
	for i, arg := range n.Arguments {
		if m, ok := arg.(*ast.MapNode); ok && i == len(n.Arguments)-1 {
			p.named(c, m)
			break
		}
		x, _ := p.convert(arg)
		c.Args = append(c.Args, x)
	}
	return c, s
}

func (p *parsing) named(c *Call, m *ast.MapNode) {
	for _, n := range m.Pairs {
		pair := n.(*ast.PairNode)
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			s := p.own(pair.Key)
			p.fail(diag.ExpressionSyntax, s.from, s.to, "", "expected the name of an argument")
			return
		}
		value, _ := p.convert(pair.Value)
		at := p.own(key)
		c.Named = append(c.Named, Named{key.Value, p.src.rangeOf(at.from, at.to), value})
	}
}

// method refuses x.f(…), which is written f(x, …), and torch.f(…).
func (p *parsing) method(n *ast.CallNode) span {
	_, s := p.convert(n.Callee)
	if p.failed {
		return s
	}
	m, ok := n.Callee.(*ast.MemberNode)
	name, isName := "", false
	if ok {
		if text, is := m.Property.(*ast.StringNode); is {
			name, isName = strings.TrimPrefix(text.Value, string(prefix)), p.runes[s.to-1] != ']'
		}
	}
	if !isName || name == "" {
		p.fail(diag.ForeignSyntax, s.from, s.to, "", "only a name can be called")
		return s
	}
	_, object := p.convert(m.Node)
	before := p.text(object.from, object.to)
	message := fmt.Sprintf("method calls like `.%s` are not supported", name)
	if root, _, _ := strings.Cut(before, "."); root == "self" {
		p.fail(diag.ForeignSyntax, s.from, s.to, "make each call of a layer a node: "+name+": Linear(x, 8)", "there is no `self`")
		return s
	} else if foreign.Namespaces[root] {
		message = fmt.Sprintf("`%s` is not a namespace; operations have none", before)
	}
	p.fail(diag.ForeignSyntax, s.from, s.to, p.rewritten(), "%s", message)
	return s
}

// rewritten is what to write in place of an expression of another language, or
// why there is no counterpart; "" if neither is known.
func (p *parsing) rewritten() string {
	if p.src.translated {
		return ""
	}
	text, advice := p.translate()
	if text == "" {
		return advice
	}
	return "write " + text
}
