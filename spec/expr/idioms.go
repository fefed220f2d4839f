package expr

import (
	"cmp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/parser/lexer"

	"github.com/flowrun/flowrun/diag"
)

// idiom is a habit from another language, found in an expression that failed.
type idiom struct {
	from, to      int
	message, help string
}

// idiom looks for what people bring from Python, C or MATLAB. It is asked only
// once an expression has failed, and says better what is wrong with it.
func (p *parsing) idiom() *idiom {
	if !p.matched && (p.tokens == nil || p.pair != nil || !p.match()) {
		return nil // a bracket is at fault
	}
	for i, t := range p.tokens {
		for _, look := range []func(i int, t lexer.Token) *idiom{p.wordIdiom, p.operatorIdiom, p.bracketIdiom} {
			if found := look(i, t); found != nil {
				return found
			}
		}
	}
	return p.listIdiom()
}

// text is a part of the source.
func (p *parsing) text(from, to int) string {
	return strings.TrimSpace(string(p.runes[from:to]))
}

// kind is the kind of token i; that of the end behind the last.
func (p *parsing) kind(i int) lexer.Kind {
	if i < 0 || i >= len(p.tokens) {
		return lexer.EOF
	}
	return p.tokens[i].Kind
}

// word reports whether token i is this name or operator of letters.
func (p *parsing) word(i int, value string) bool {
	return i >= 0 && i < len(p.tokens) && p.tokens[i].Value == value && p.kind(i) != lexer.String
}

// touches reports whether token i+1 follows token i without a space, and is the
// operator.
func (p *parsing) touches(i int, operator string) bool {
	return p.is(i+1, operator) && p.tokens[i+1].From == p.tokens[i].To
}

// ends reports whether a value ends with token i.
func (p *parsing) ends(i int) bool {
	k := p.kind(i)
	return k != lexer.EOF && k != lexer.Operator && (k != lexer.Bracket || strings.Contains(")]}", p.tokens[i].Value))
}

// begins reports whether a value begins with token i.
func (p *parsing) begins(i int) bool {
	k := p.kind(i)
	return k != lexer.EOF && k != lexer.Operator && (k != lexer.Bracket || strings.Contains("([{", p.tokens[i].Value))
}

// stringPrefixes are those of Python's strings.
var stringPrefixes = strings.Fields("f F r R u U fr rf Fr Rf fR rF FR RF")

func (p *parsing) wordIdiom(i int, t lexer.Token) *idiom {
	next := p.kind(i + 1)
	switch {
	case p.word(i, "lambda") && (next == lexer.Identifier || p.is(i+1, ":")):
		return &idiom{t.From, t.To, "`lambda` is not supported",
			"write the expression itself; to reuse it, define a module"}
	case t.Kind == lexer.Identifier && next == lexer.String && p.tokens[i+1].From == t.To && slices.Contains(stringPrefixes, t.Value):
		return &idiom{t.From, p.tokens[i+1].To, "unsupported string prefix `" + t.Value + "`", "write the text itself; values can't be formatted into strings"}
	case p.word(i, "for") && next == lexer.Identifier && i > 0:
		return &idiom{t.From, t.To, "comprehensions are not supported",
			"list the elements, use arange(n) for a range, or `repeat` to stack modules"}
	case p.word(i, "is") && p.ends(i-1) && (p.begins(i+1) || p.word(i+1, "not")):
		if p.word(i+1, "not") {
			return &idiom{t.From, p.tokens[i+1].To, "`is not` is not supported", "write `!=`"}
		}
		return &idiom{t.From, t.To, "`is` is not supported", "write `==`"}
	case p.word(i, "if") && t.Kind == lexer.Operator && i > 0:
		return p.ternary(i)
	}
	return nil
}

// ternary is Python's a if test else b.
func (p *parsing) ternary(i int) *idiom {
	t := p.tokens[i]
	otherwise := slices.IndexFunc(p.tokens, func(t lexer.Token) bool { return t.Is(lexer.Operator, "else") })
	if otherwise < i+2 || otherwise == len(p.tokens)-1 || strings.ContainsAny(p.text(0, t.From), "([{") {
		return nil
	}
	return &idiom{t.From, t.To, "`if` is not supported", "write " +
		p.text(t.To, p.tokens[otherwise].From) + " ? " + p.text(0, t.From) + " : " + p.text(p.tokens[otherwise].To, len(p.runes)) +
		"; if the test is a tensor, where(test, a, b)"}
}

// pairs are operators of two tokens, or of one that nothing here knows.
var pairs = []struct{ first, second, help string }{
	{"-", ">", "write the expression itself; to reuse it, define a module"},
	{"=", ">", "to compare, write `>=`"},
	{":", "=", "make it a node: name: expression"},
	{"==", "=", "write `==`"},
	{"!=", "=", "write `!=`"},
	{"<", ">", "write `!=`"},
	{"<", "<", "write x * 2 ** n"},
	{">", ">", "write floor_divide(x, 2 ** n)"},
	{".", "*", "`*` multiplies element by element"},
	{".", "/", "`/` divides element by element"},
	{".", "**", "`**` works element by element"},
}

// assignments change a variable.
var assignments = strings.Fields("+= -= *= /= %= **= ^= &=")

func (p *parsing) operatorIdiom(i int, t lexer.Token) *idiom {
	if t.Kind != lexer.Operator {
		return nil
	}
	for _, pair := range pairs {
		if t.Value == pair.first && p.touches(i, pair.second) {
			return &idiom{t.From, p.tokens[i+1].To, "`" + t.Value + pair.second + "` is not supported", pair.help}
		}
	}
	assigned := t.Value
	to := t.To
	if p.touches(i, "=") {
		assigned, to = t.Value+"=", p.tokens[i+1].To
	}
	if slices.Contains(assignments, assigned) && i > 0 {
		return &idiom{t.From, to, "`" + assigned + "` is not supported: a node's value can't be reassigned", "write `" + p.text(0, t.From) + " " +
			strings.TrimSuffix(assigned, "=") + " …` in a separate node"}
	}
	if t.Value == "|" && i == 0 || t.Value == "|" && p.is(i-1, "(") {
		return &idiom{t.From, t.To, "`|` is not supported", "write abs(x) for |x|"}
	}
	if t.Value == "=" && i == 1 {
		return &idiom{t.From, t.To, "`=` is only for named arguments of a call",
			"write `==` to compare; to define a node, write name: expression"}
	}
	if (t.Value == "+" || t.Value == "-") && p.touches(i, t.Value) && i > 0 {
		if k := p.kind(i + 2); k == lexer.EOF || p.is(i+2, ")") || p.is(i+2, "]") || p.is(i+2, ",") {
			return &idiom{t.From, p.tokens[i+1].To, "`" + t.Value + t.Value + "` is not supported: a node's value can't be reassigned",
				"write `" + p.text(p.tokens[i-1].From, p.tokens[i-1].To) + " " + t.Value + " 1`; to carry a value to the next step, use a state of a module"}
		}
	}
	return nil
}

// bracketIdiom finds tuples and Python's indexing.
func (p *parsing) bracketIdiom(i int, t lexer.Token) *idiom {
	if p.is(i, ")") && p.touches(i, "(") {
		help := cmp.Or(p.rewritten(), "pass the input and the arguments in one call: Linear(x, out_features)")
		return &idiom{p.tokens[i+1].From, p.tokens[i+1].To, "the result of a call can't be called", help}
	}
	if t.Kind != lexer.Bracket || p.pair[i] <= i {
		return nil
	}
	end := p.pair[i]
	separated := func(separators ...string) bool {
		for j := i + 1; j < end; j++ {
			if p.kind(j) == lexer.Bracket && p.pair[j] > j {
				j = p.pair[j]
				continue
			}
			for _, s := range separators {
				if p.is(j, s) {
					return true
				}
			}
		}
		return false
	}
	behind := p.ends(i - 1)
	from, to := t.From, p.tokens[end].To
	if p.kind(i-1) == lexer.Identifier {
		from = p.tokens[i-1].From
	}
	switch {
	case t.Value == "(" && !behind && (end == i+1 || separated(",")):
		inside := strings.TrimSuffix(p.text(t.To, p.tokens[end].From), ",")
		help := cmp.Or(p.rewritten(), "write a list: ["+inside+"]")
		return &idiom{from, to, "tuples are not supported", help}
	case t.Value == "[" && behind && separated(",", ":", ".."):
		return &idiom{from, to, "tensors can't be indexed with brackets",
			"write slice(x, dim, start, end), one dimension at a time; squeeze(…, dim) removes a dimension of size 1"}
	}
	return nil
}

// listIdiom finds several values side by side.
func (p *parsing) listIdiom() *idiom {
	for i := 0; i < len(p.tokens); i++ {
		if p.kind(i) == lexer.Bracket && p.pair[i] > i {
			i = p.pair[i]
			continue
		}
		if p.is(i, ",") && i > 0 && i < len(p.tokens)-1 {
			return &idiom{p.tokens[i].From, p.tokens[i].To, "an expression has one value, but a second one begins after this comma",
				"write a list, [" + p.text(0, len(p.runes)) + "], or separate nodes"}
		}
	}
	return nil
}

// report adds an idiom in place of the failure.
func (p *parsing) report(d *idiom) {
	p.list.Add(diag.Diagnostic{Rule: diag.ForeignSyntax, Range: p.src.rangeOf(d.from, d.to), Message: d.message, Help: d.help})
}
