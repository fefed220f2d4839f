package expr

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/parser/lexer"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
)

// What expr-lang or another language has and a spec doesn't, and what to write
// instead.
var (
	foreignRunes = map[rune]string{
		'~': "write `not`",
		'²': "write `** 2`", '³': "write `** 3`", '√': "write sqrt(x)",
		'\\': "remove it; a value continues on the next line if that is indented further",
		'→':  "make each value a separate node",
	}
	foreignOperators = map[string]string{
		";":          "make the others separate nodes",
		"let":        "make it a separate node",
		"|":          "write f(x) for `x | f`, and `or` for a logical or",
		"&":          "write `and`",
		"#":          "put the comment after the closing quote",
		"..":         "write arange(start, end)",
		"??":         "values are never missing; write `test ? a : b` to choose",
		"?.":         "values are never missing; write `.`",
		"?:":         "write `test ? a : b`",
		"::":         "names have no namespaces; remove the prefix",
		"if":         "write `test ? a : b`, or a mapping {if: test, then: a, else: b}",
		"else":       "write `test ? a : b`, or a mapping {if: test, then: a, else: b}",
		"^":          "write `**` for a power",
		"in":         "write `x == a or x == b`",
		"matches":    "compare strings with `==`",
		"contains":   "compare strings with `==`",
		"startsWith": "compare strings with `==`",
		"endsWith":   "compare strings with `==`",
	}
)

// strange explains a character that isn't of the language: what it is, and the
// whole text with all such characters as they were meant.
func (p *parsing) strange(at int) {
	c := p.runes[at]
	meant, ok := foreign.Meant(c)
	help := ""
	comment := strings.HasPrefix(strings.TrimLeft(string(p.runes[at+1:]), " \t"), "#")
	switch straight := foreign.Straight(p.src.Text); {
	case comment && (foreign.IsSpace(c) || foreign.IsInvisible(c)):
		help = "replace it with a space: a comment must follow one"
	case ok && p.reads(straight):
		help = "write " + strings.TrimSpace(straight)
	case ok && meant == "":
		help = "remove it"
	case ok && meant != "...":
		help = "write `" + meant + "`"
	}
	if meant == `"` || meant == "'" {
		p.fail(diag.ForeignSyntax, at, at+1, help, "%s, is not a valid quote", foreign.Describe(c))
		return
	}
	p.fail(diag.ForeignSyntax, at, at+1, help, "%s, is not supported", foreign.Describe(c))
}

// reads reports whether a text is an expression.
func (p *parsing) reads(text string) bool {
	var problems diag.List
	Parse(Source{Text: text, Position: func(int) diag.Pos { return diag.Pos{} }, translated: true}, &problems)
	return len(problems.Items) == 0
}

// placeholder refuses a text that something should have filled in.
func (p *parsing) placeholder() bool {
	found, ok := foreign.FindPlaceholder(p.src.Text)
	if !ok {
		return false
	}
	from := utf8.RuneCountInString(p.src.Text[:found.From])
	message, help := found.Explain(p.src.Text)
	p.fail(diag.ForeignSyntax, from, from+utf8.RuneCountInString(found.Text), help, "%s", message)
	return true
}

// refuseForeign goes through the tokens, and through the gaps between them for
// comments, which the lexer drops without a word.
func (p *parsing) refuseForeign() bool {
	at := 0
	for i, t := range p.tokens {
		p.refuseComment(at, t.From)
		at = t.To
		switch t.Kind {
		case lexer.Operator:
			if t.Value == "#" && t.From > 0 && foreign.IsSpace(p.runes[t.From-1]) {
				p.strange(t.From - 1)
			} else if help, ok := foreignOperators[t.Value]; ok {
				p.fail(diag.ForeignSyntax, t.From, t.To, rewrite+help, "`%s` is not supported", t.Value)
			}
			if t.Value == "?" && p.is(i+1, ":") {
				p.fail(diag.ForeignSyntax, t.From, p.tokens[i+1].To, "write `test ? a : b`", "`?:` is not supported")
			}
		case lexer.Identifier:
			if strings.Contains(t.Value, "$") {
				p.fail(diag.ExpressionSyntax, t.From, t.To, "write "+strings.Trim(t.Value, "$"), "a name can't contain `$`, got %s", t.Value)
			}
		case lexer.Bytes:
			p.fail(diag.ForeignSyntax, t.From, t.To, "", "byte strings are not supported")
		case lexer.Number:
			p.checkNumber(t)
		}
	}
	p.refuseComment(at, len(p.runes))
	return !p.failed
}

func (p *parsing) refuseComment(from, to int) {
	for i := from; i+1 < to; i++ {
		if p.runes[i] != '/' {
			continue
		}
		help := "use YAML comments: a space and `#`"
		if p.runes[i+1] == '/' {
			help = "for integer division write floor_divide(a, b); for a comment, a space and `#`"
		}
		p.fail(diag.ForeignSyntax, i, i+2, help, "`%s` would turn the rest of the expression into a comment",
			string(p.runes[i:i+2]))
		return
	}
}

// What to write instead of a number that a float64 can't hold.
const (
	InfinityHelp = "write inf for infinity"
	ZeroHelp     = "write 0 if you mean zero"
)

// checkNumber looks at the value of a number: the parser rounds what is too small
// to zero, and says little of what is too large.
func (p *parsing) checkNumber(t lexer.Token) {
	digits := strings.ToLower(strings.ReplaceAll(t.Value, "_", ""))
	based := len(digits) > 1 && digits[0] == '0' && strings.IndexByte("xob", digits[1]) >= 0
	if !based && strings.ContainsAny(digits, ".e") {
		v, err := strconv.ParseFloat(digits, 64)
		mantissa, _, _ := strings.Cut(digits, "e")
		switch {
		case errors.Is(err, strconv.ErrRange):
			p.fail(diag.InvalidValue, t.From, t.To, InfinityHelp, "%s is larger than any float64", diag.Cut(t.Value))
		case err == nil && v == 0 && strings.ContainsAny(mantissa, "123456789"):
			p.fail(diag.InvalidValue, t.From, t.To, ZeroHelp, "%s is smaller than any nonzero float64", diag.Cut(t.Value))
		}
		return
	}
	base := 10
	if based {
		base = 0
	}
	switch _, err := strconv.ParseInt(digits, base, 64); {
	case errors.Is(err, strconv.ErrRange):
		p.fail(diag.IntegerOverflow, t.From, t.To, "", "%s doesn't fit in 64 bits", diag.Cut(t.Value))
	case err != nil: // 0x without digits
		p.fail(diag.ExpressionSyntax, t.From, t.To, "", "%s is neither a number nor a name", diag.Cut(t.Value))
	}
	if decimal := strings.TrimLeft(digits, "0"); !based && len(digits) > 1 && digits[0] == '0' && (len(decimal) > 1 || strings.ContainsAny(decimal, "89")) {
		p.list.Add(diag.Diagnostic{Rule: diag.OctalNumber, Range: p.src.rangeOf(t.From, t.To), Help: "write the number without the leading 0",
			Message: diag.Cut(t.Value) + " is decimal, but other languages read it as octal"})
	}
}
