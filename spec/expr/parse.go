package expr

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/flowrun/flowrun/diag"
)

// The bounds of an expression.
const (
	MaxBytes = 16 << 10
	MaxDepth = 100 // brackets
)

// What parsing costs: an expression, and each of its characters, of which a part of
// the syntax tree is made.
const (
	parseCost     = 2500
	characterCost = 150 + 80*diag.KeptByte
)

// Source is an expression's text and where its characters stand.
type Source struct {
	File     string
	Text     string
	Position func(i int) diag.Pos // of character i, and of the end

	translated bool // it was made here, and what fails isn't translated again
}

func (s Source) rangeOf(from, to int) diag.Range {
	return diag.Range{File: s.File, Start: s.Position(from), End: s.Position(to)}
}

// Parse reads an expression. A problem goes to list, and the result is nil.
func Parse(src Source, list *diag.List) Expr {
	p := &parsing{src: src, list: list}
	length := utf8.RuneCountInString(src.Text)
	list.Budget.At(diag.Range{File: src.File, Start: src.Position(0), End: src.Position(length)})
	list.Budget.Spend(diag.Parsing, parseCost+characterCost*min(len(src.Text), MaxBytes))
	if len(src.Text) > MaxBytes {
		p.fail(diag.ExpressionTooLarge, 0, length, "", "the expression is longer than %d characters", MaxBytes)
		return nil
	}
	if strings.TrimSpace(src.Text) == "" {
		p.fail(diag.ExpressionSyntax, 0, length, "", "the expression is empty")
		return nil
	}
	p.runes = []rune(src.Text)
	if p.placeholder() {
		return nil
	}
	if !p.lex() || !p.refuseForeign() || !p.match() || !p.rewrite() {
		return nil
	}
	var root parser.Parser
	parsed, err := root.Parse(string(p.out), nil)
	if err != nil {
		p.syntaxError(err)
		return nil
	}
	e, _ := p.convert(parsed.Node)
	if p.failed {
		return nil
	}
	return e
}

// parsing is the state of one Parse.
type parsing struct {
	src    Source
	list   *diag.List
	failed bool

	runes  []rune
	tokens []lexer.Token
	start  []int32 // by character: the token that begins there, plus 1; or 0
	pair   []int   // per bracket token the index of its partner

	matched bool // all brackets have one

	out  []rune // the text as the parser gets it
	back []int  // the position in the source of each of its characters
}

// rewrite before a help asks for the whole expression as it is written in this
// language, and for the help itself only where that isn't known.
const rewrite = "\x00"

// fail reports the first problem.
func (p *parsing) fail(rule diag.Rule, from, to int, help, format string, args ...any) {
	if p.failed {
		return
	}
	p.failed = true
	if (rule == diag.ExpressionSyntax || rule == diag.ForeignSyntax) && !p.src.translated {
		if found := p.idiom(); found != nil {
			p.report(found)
			return
		}
	}
	if fallback, asked := strings.CutPrefix(help, rewrite); asked {
		help = fallback
		if p.matched || p.tokens != nil && p.pair == nil && p.match() {
			if text := p.rewritten(); text != "" {
				help = text
			}
		}
	}
	p.list.Add(diag.Diagnostic{Rule: rule, Range: p.src.rangeOf(from, to),
		Message: fmt.Sprintf(format, args...), Help: help})
}

func (p *parsing) lex() bool {
	tokens, err := lexer.Lex(file.NewSource(p.src.Text))
	var e *file.Error
	switch {
	case errors.As(err, &e):
		p.lexError(e)
		return false
	case err != nil:
		p.fail(diag.ExpressionSyntax, 0, len(p.runes), "", "%s", err)
		return false
	}
	p.tokens = tokens[:len(tokens)-1] // without the end
	return true
}

func (p *parsing) lexError(e *file.Error) {
	from := max(0, min(e.From, len(p.runes)-1))
	c := p.runes[from]
	switch help := foreignRunes[c]; {
	case c == '@':
		p.fail(diag.ForeignSyntax, from, from+1, p.product(from), "`@` is not supported")
	case help != "":
		p.fail(diag.ForeignSyntax, from, from+1, help, "`%c` is not supported", c)
	case strings.Contains(e.Message, "not terminated"):
		p.fail(diag.ExpressionSyntax, from, from+1, "", "the string has no closing quote")
	case strings.Contains(e.Message, "comment"):
		p.fail(diag.ForeignSyntax, from, from+1, "use YAML comments: a space and `#`", "`/*` begins a comment")
	case strings.Contains(e.Message, "bad number"):
		for from > 0 && p.runes[from-1] != ' ' && !strings.ContainsRune("(,[+-*/", p.runes[from-1]) {
			from--
		}
		to := min(e.To, len(p.runes))
		for to < len(p.runes) && isWordRune(p.runes[to]) {
			to++
		}
		p.fail(diag.ExpressionSyntax, from, to, factors(p.runes[from:to]), "%s is neither a number nor a name", string(p.runes[from:to]))
	case c > 0x7f:
		p.strange(from)
	default:
		p.fail(diag.ExpressionSyntax, from, from+1, "", "%s", e.Message)
	}
}

// product says how `a @ b` is written; the @ is at a character.
func (p *parsing) product(at int) string {
	a, b := p.text(0, at), p.text(at+1, len(p.runes))
	simple := func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return !isWordRune(r) && r != '.' }) < 0
	}
	if simple(a) && simple(b) {
		return "write matmul(" + a + ", " + b + ")"
	}
	return "write matmul(a, b)"
}

// factors says how a product without its sign, 2x, is written.
func factors(word []rune) string {
	digits := 0
	for digits < len(word) && strings.ContainsRune("0123456789.", word[digits]) {
		digits++
	}
	if digits == 0 || digits == len(word) || !isLetter(word[digits]) {
		return ""
	}
	return "write " + string(word[:digits]) + " * " + string(word[digits:]) + " if you mean a product"
}

func isLetter(r rune) bool { return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func isWordRune(r rune) bool { return isLetter(r) || '0' <= r && r <= '9' }

// match finds the partner of every bracket, and measures their depth.
func (p *parsing) match() bool {
	p.start = make([]int32, len(p.runes)+1)
	p.pair = make([]int, len(p.tokens))
	var open []int
	for i, t := range p.tokens {
		p.start[t.From] = int32(i) + 1
		if t.Kind != lexer.Bracket {
			continue
		}
		if strings.Contains("([{", t.Value) {
			open = append(open, i)
			if len(open) > MaxDepth {
				p.fail(diag.ExpressionTooLarge, t.From, t.To, "split it into several nodes",
					"brackets are nested more than %d levels deep", MaxDepth)
				return false
			}
			continue
		}
		if len(open) == 0 {
			p.fail(diag.ExpressionSyntax, t.From, t.To, "", "this %s has no matching opening bracket", t.Value)
			return false
		}
		o := open[len(open)-1]
		open = open[:len(open)-1]
		if closing[p.tokens[o].Value] != t.Value {
			p.fail(diag.ExpressionSyntax, t.From, t.To, "", "%s doesn't match the opening %s",
				t.Value, p.tokens[o].Value)
			return false
		}
		p.pair[o], p.pair[i] = i, o
	}
	if len(open) > 0 {
		t := p.tokens[open[len(open)-1]]
		p.fail(diag.ExpressionSyntax, t.From, t.To, "", "this %s is never closed", t.Value)
		return false
	}
	p.matched = true
	return true
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// prefix marks the names of functions, so that none of the parser's builtins is
// ever called.
const prefix = '$'

// rewrite makes the parser's text: names before a bracket get the prefix, named
// arguments become a trailing map.
func (p *parsing) rewrite() bool {
	emit := func(at int, text ...rune) {
		for _, r := range text {
			p.out, p.back = append(p.out, r), append(p.back, at)
		}
	}
	type frame struct{ call, named bool }
	var open []frame
	at := 0
	copyTo := func(to int) {
		for ; at < to; at++ {
			emit(at, p.runes[at])
		}
	}
	for i, t := range p.tokens {
		copyTo(t.From)
		top := len(open) - 1
		switch {
		case t.Kind == lexer.Identifier && p.is(i+1, "("):
			p.checkOrder(i, top >= 0 && open[top].named)
			emit(at, prefix)
		case t.Kind == lexer.Identifier && p.is(i+1, "="):
			if top < 0 || !open[top].call || !p.is(i-1, "(") && !p.is(i-1, ",") {
				p.fail(diag.ForeignSyntax, p.tokens[i+1].From, p.tokens[i+1].To, rewrite+"to compare, write `==`",
					"`=` is only for named arguments of a call")
				return false
			}
			if !open[top].named {
				open[top].named = true
				emit(at, '{')
			}
		case t.Is(lexer.Operator, "=") && i > 0 && p.tokens[i-1].Kind == lexer.Identifier:
			emit(at, ':')
			at = t.To
		case t.Is(lexer.Operator, "="):
			p.fail(diag.ForeignSyntax, t.From, t.To, "to compare, write `==`", "`=` requires the name of an argument before it")
			return false
		case t.Kind == lexer.Bracket && strings.Contains("([{", t.Value):
			p.checkOrder(i, top >= 0 && open[top].named)
			call := t.Value == "(" && i > 0 && p.tokens[i-1].Kind == lexer.Identifier
			open = append(open, frame{call: call})
		case t.Kind == lexer.Bracket:
			if open[top].named {
				emit(at, '}')
			}
			open = open[:top]
		default:
			p.checkOrder(i, top >= 0 && open[top].named)
		}
		copyTo(t.To)
	}
	return !p.failed
}

// checkOrder refuses a positional argument that begins at token i after named
// ones.
func (p *parsing) checkOrder(i int, named bool) {
	if named && p.is(i-1, ",") {
		p.fail(diag.ExpressionSyntax, p.tokens[i].From, p.tokens[i].To, "move it before them, or name it",
			"positional argument after named arguments")
	}
}

// is reports whether token i is this operator or bracket.
func (p *parsing) is(i int, value string) bool {
	return i >= 0 && i < len(p.tokens) && p.tokens[i].Value == value &&
		(p.tokens[i].Kind == lexer.Operator || p.tokens[i].Kind == lexer.Bracket)
}

// syntaxError translates the parser's complaint.
func (p *parsing) syntaxError(err error) {
	var e *file.Error
	if !errors.As(err, &e) {
		p.fail(diag.ExpressionSyntax, 0, len(p.runes), "", "%s", err)
		return
	}
	from, to := p.source(e.From), p.source(e.To)
	if e.From >= len(p.out)-1 && strings.Contains(e.Message, "EOF") {
		from, to = len(p.runes), len(p.runes)
	}
	if to <= from { // at a bracket that rewrite put in
		to = min(from+1, len(p.runes))
	}
	message := e.Message
	switch {
	case strings.Contains(message, "token EOF") || strings.Contains(message, "unexpected end"):
		message = "the expression is incomplete"
	case strings.HasPrefix(message, "unexpected token"):
		word := string(p.runes[from:min(to, len(p.runes))])
		message = fmt.Sprintf("unexpected `%s`", word)
		if i := p.token(from); i > 0 && p.ends(i-1) && p.begins(i) {
			message = fmt.Sprintf("missing operator or comma before `%s`", word)
		}
	case strings.HasPrefix(message, "a map key must be"):
		p.fail(diag.ForeignSyntax, from, to, "use the var's name alone", "placeholders in braces are not supported")
		return
	case strings.Contains(message, "maximum allowed nodes"):
		p.fail(diag.ExpressionTooLarge, 0, len(p.runes), "split it into several nodes", "the expression is too complex")
		return
	}
	p.fail(diag.ExpressionSyntax, from, to, "", "%s", message)
}

// source gives the position in the source of a position in the parser's text.
func (p *parsing) source(i int) int {
	if i >= len(p.back) {
		return len(p.runes)
	}
	return p.back[max(i, 0)]
}
