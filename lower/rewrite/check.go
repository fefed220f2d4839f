package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops" // fills the op registry
)

// slot is a name that a pattern binds: a node, or an op's argument.
type slot struct {
	name string
	kind kind
	uses int // occurrences in the pattern
}

// outSlot is the node that the rewrite replaces, under the name "out".
const outSlot = 0

// checker turns a rewrite's syntax into what can be matched and built.
type checker struct {
	slots        []slot
	variable, op string // what "for" stands for
}

// check fills r in. op is what the rewrite's "for" stands for, "" without one.
func check(r *Rewrite, s *rewriteSyntax, op string) error {
	c := &checker{slots: []slot{{name: "out", kind: aNode}}, variable: s.variable, op: op}
	if s.pattern.kind != isCall {
		return s.pattern.faultf("the pattern must be a call or an operator")
	}
	root, err := c.pattern(s.pattern)
	if err != nil {
		return err
	}
	if n := c.countOrders(root); n > maxOrders {
		return s.pattern.faultf("the operands of commutative ops can stand in more than %d orders; make the pattern smaller", maxOrders)
	}
	r.root, r.patterns = root.op, c.orders(root)
	if s.condition != nil {
		var k kind
		if r.condition, k, err = c.value(s.condition); err != nil {
			return err
		}
		if k != aBool {
			return s.condition.faultf("the condition must be a bool, not %s", k)
		}
	}
	if s.result.kind == isLiteral {
		return s.result.faultf("a number has no shape; write full(shape(out), %v, dtype(out))", s.result.value)
	}
	if r.result, err = c.template(s.result); err != nil {
		return err
	}
	r.slots = c.slots
	return nil
}

func (c *checker) find(name string) int {
	return slices.IndexFunc(c.slots, func(s slot) bool { return s.name == name })
}

// bind gives the slot of a name in a pattern.
func (c *checker) bind(s *syntax, name string, k kind) (int, error) {
	i := c.find(name)
	if i < 0 {
		c.slots = append(c.slots, slot{name, k, 1})
		return len(c.slots) - 1, nil
	}
	if i == outSlot {
		return 0, s.faultf(`"out" is the name of the node that is replaced`)
	}
	if c.slots[i].kind != k {
		return 0, s.faultf("%s stands for %s and for %s", name, c.slots[i].kind, k)
	}
	c.slots[i].uses++
	return i, nil
}

// lookup finds a call's op.
func (c *checker) lookup(s *syntax) (*ir.Op, error) {
	name := s.name
	if c.variable != "" && name == c.variable {
		name = c.op
	}
	op := ir.LookupOp(name)
	if op == nil {
		return nil, s.faultf("there is no op %s", name)
	}
	return op, nil
}

// assign gives each parameter of an op its argument, nil where there is none.
func (c *checker) assign(op *ir.Op, s *syntax) ([]*syntax, error) {
	given := make([]*syntax, len(op.Params))
	if len(s.args) > len(op.Params) {
		return nil, s.faultf("%s takes %s, got %d", op.Name, takes(op), len(s.args))
	}
	copy(given, s.args)
	for _, a := range s.named {
		i := op.Param(a.name)
		switch {
		case i < 0:
			return nil, &fault{a.column, fmt.Sprintf("%s has no argument %s; it takes %s", op.Name, a.name, takes(op))}
		case given[i] != nil:
			return nil, &fault{a.column, fmt.Sprintf("%s is given twice", a.name)}
		}
		given[i] = a.value
	}
	operands := 0
	for i := range given {
		if given[i] != nil && op.Params[i].Kind.IsTensor() {
			operands++
		}
	}
	for i, p := range op.Params {
		if p.Kind.IsTensor() && p.Kind != ir.KOptional && given[i] == nil {
			return nil, s.faultf("%s takes %s, got %s", op.Name, takes(op), diag.Count(operands, "operand"))
		}
	}
	return given, nil
}

// takes lists an op's parameters for messages: "2 operands (a, b)".
func takes(op *ir.Op) string {
	var operands, attrs []string
	for _, p := range op.Params {
		if p.Kind.IsTensor() {
			operands = append(operands, p.Name)
		} else {
			attrs = append(attrs, p.Name)
		}
	}
	text := fmt.Sprintf("%s (%s)", diag.Count(len(operands), "operand"), strings.Join(operands, ", "))
	if len(attrs) > 0 {
		text += " and the arguments " + strings.Join(attrs, ", ")
	}
	return text
}

// pattern checks what stands where a node is matched.
func (c *checker) pattern(s *syntax) (*pattern, error) {
	switch {
	case s.kind == isName && s.name == "_":
		return &pattern{slot: -1}, nil
	case s.kind == isName:
		i, err := c.bind(s, s.name, aNode)
		return &pattern{slot: i}, err
	case s.kind == isLiteral:
		if _, text := s.value.(string); !text {
			return &pattern{slot: -1, number: s.value}, nil
		}
	case s.kind == isCall:
		return c.call(s)
	}
	return nil, s.faultf("a node's pattern is a name, a number, a bool, _ or a call")
}

func (c *checker) call(s *syntax) (*pattern, error) {
	op, err := c.lookup(s)
	if err != nil {
		return nil, err
	}
	given, err := c.assign(op, s)
	if err != nil {
		return nil, err
	}
	p := &pattern{slot: -1, op: op}
	if s.label != "" {
		if p.slot, err = c.bind(s, s.label, aNode); err != nil {
			return nil, err
		}
	}
	for i, param := range op.Params {
		switch {
		case param.Kind == ir.KTensors:
			if given[i].kind != isList {
				return nil, given[i].faultf("%s of %s is a list: [x]", param.Name, op.Name)
			}
			for _, item := range given[i].args {
				in, err := c.pattern(item)
				if err != nil {
					return nil, err
				}
				p.inputs = append(p.inputs, in)
			}
		case param.Kind.IsTensor() && given[i] != nil:
			in, err := c.pattern(given[i])
			if err != nil {
				return nil, err
			}
			p.inputs = append(p.inputs, in)
		case !param.Kind.IsTensor():
			a, err := c.attr(s, op, param, given[i])
			if err != nil {
				return nil, err
			}
			p.attrs = append(p.attrs, a)
		}
	}
	return p, nil
}

// attr checks an argument of a pattern. One that is left out has its default.
func (c *checker) attr(s *syntax, op *ir.Op, param ir.Param, given *syntax) (attrPattern, error) {
	switch {
	case given == nil && !param.Optional:
		return attrPattern{}, s.faultf("%s needs the argument %s in a pattern; %s=_ matches any", op.Name, param.Name, param.Name)
	case given == nil:
		return attrPattern{slot: -1, value: param.Default, fixed: true}, nil
	case given.kind == isName && given.name == "_":
		return attrPattern{slot: -1}, nil
	case given.kind == isName:
		i, err := c.bind(given, given.name, kindOf[param.Kind])
		return attrPattern{slot: i}, err
	}
	v, k, err := c.value(given)
	if err != nil {
		return attrPattern{}, err
	}
	if given.kind == isCall {
		return attrPattern{}, given.faultf("an argument in a pattern is a name, a value or _")
	}
	converted, err := convert(given, op, param, k, v(nil))
	return attrPattern{slot: -1, value: converted, fixed: true}, err
}

// convert brings a constant into the Go type in which nodes keep a parameter.
func convert(s *syntax, op *ir.Op, param ir.Param, k kind, v any) (any, error) {
	if !k.fits(param.Kind) {
		return nil, s.faultf("%s of %s is %s, not %s", param.Name, op.Name, kindOf[param.Kind], k)
	}
	switch x := v.(type) {
	case int:
		switch param.Kind {
		case ir.KFloat:
			return float64(x), nil
		case ir.KDims:
			return []int{x}, nil
		}
	case string:
		if param.Kind == ir.KDType {
			d, ok := ir.ParseDType(x)
			if !ok {
				return nil, s.faultf("there is no dtype %q", x)
			}
			return d, nil
		}
	}
	return v, nil
}

// maxOrders bounds the orders of a pattern's operands, each of which is tried.
const maxOrders = 64

// countOrders counts the orders, up to a little more than maxOrders.
func (c *checker) countOrders(p *pattern) int {
	n := 1
	for _, in := range p.inputs {
		n = min(n*c.countOrders(in), maxOrders+1)
	}
	if c.swaps(p) {
		n *= 2
	}
	return n
}

// swaps reports whether swapping the pattern's first two operands makes a difference.
func (c *checker) swaps(p *pattern) bool {
	return p.op != nil && p.op.Commutative && len(p.inputs) >= 2 && !(c.alike(p.inputs[0]) && c.alike(p.inputs[1]))
}

// orders gives the pattern in all orders of its commutative operands.
func (c *checker) orders(p *pattern) []*pattern {
	if p.op == nil {
		return []*pattern{p}
	}
	all := []*pattern{{slot: p.slot, op: p.op, attrs: p.attrs}}
	for _, in := range p.inputs {
		var longer []*pattern
		for _, before := range all {
			for _, order := range c.orders(in) {
				q := *before
				q.inputs = append(slices.Clip(before.inputs), order)
				longer = append(longer, &q)
			}
		}
		all = longer
	}
	if !c.swaps(p) {
		return all
	}
	for _, q := range all {
		swapped := *q
		swapped.inputs = slices.Clone(q.inputs)
		swapped.inputs[0], swapped.inputs[1] = q.inputs[1], q.inputs[0]
		all = append(all, &swapped)
	}
	return all
}

// alike reports whether a pattern matches any node, whatever else is matched.
func (c *checker) alike(p *pattern) bool {
	return p.op == nil && p.number == nil && (p.slot < 0 || c.slots[p.slot].uses == 1)
}
