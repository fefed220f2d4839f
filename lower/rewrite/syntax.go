package rewrite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/scanner"

	"github.com/flowrun/flowrun/ir"
)

// syntax is a node of a rewrite's syntax tree.
type syntax struct {
	kind   syntaxKind
	name   string    // of a name or a call
	label  string    // of a call in a pattern: the name before "@", or ""
	value  any       // of a literal: int, float64, bool or string
	args   []*syntax // of a call, positional; the items of a list
	named  []argument
	column int
}

type argument struct {
	name   string
	value  *syntax
	column int
}

type syntaxKind uint8

const (
	isName syntaxKind = iota
	isLiteral
	isCall // f(a, b, c=1), and operators, under their op's name
	isList
)

// fault is a problem in a column of a line.
type fault struct {
	column int
	msg    string
}

func (f *fault) Error() string { return f.msg }

func (s *syntax) faultf(format string, args ...any) error {
	return &fault{s.column, fmt.Sprintf(format, args...)}
}

// binds is how tightly infix operators bind, as in specs.
var binds = map[string]int{
	"or": 1, "and": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
	"+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "**": 7,
}

// Prefix operators bind between * and **.
const (
	bindsNot    = 2
	bindsPrefix = 6
	maxDepth    = 40 // of nested brackets and operators
)

// parser reads one rewrite.
type parser struct {
	tokens []token
	depth  int
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// take skips a sign or word if it is next.
func (p *parser) take(text string) bool {
	if t := p.peek(); t.kind != tokenValue && t.kind != tokenEnd && t.text == text {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(text, where string) error {
	if p.take(text) {
		return nil
	}
	t := p.peek()
	return &fault{t.column, fmt.Sprintf("%q is expected %s, not %s", text, where, t)}
}

// expression reads operators that bind tighter than the level given.
func (p *parser) expression(level int) (*syntax, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, &fault{p.peek().column, fmt.Sprintf("more than %d levels of nesting", maxDepth)}
	}
	defer func() { p.depth-- }()
	left, err := p.prefix()
	for err == nil {
		t := p.peek()
		inner := binds[t.text]
		if t.kind == tokenValue || inner <= level {
			break
		}
		p.next()
		if t.text == "**" {
			inner-- // to the right
		}
		var right *syntax
		if right, err = p.expression(inner); err == nil {
			left = &syntax{kind: isCall, name: ir.LookupOperator(t.text, 2).Name, args: []*syntax{left, right}, column: left.column}
		}
	}
	return left, err
}

func (p *parser) prefix() (*syntax, error) {
	t := p.peek()
	switch {
	case p.take("-"):
		x, err := p.expression(bindsPrefix)
		if err != nil {
			return nil, err
		}
		if x.kind == isLiteral {
			switch v := x.value.(type) {
			case int:
				return &syntax{kind: isLiteral, value: -v, column: t.column}, nil
			case float64:
				return &syntax{kind: isLiteral, value: -v, column: t.column}, nil
			}
		}
		return &syntax{kind: isCall, name: "neg", args: []*syntax{x}, column: t.column}, nil
	case p.take("not"):
		x, err := p.expression(bindsNot)
		return &syntax{kind: isCall, name: "logical_not", args: []*syntax{x}, column: t.column}, err
	}
	return p.primary()
}

func (p *parser) primary() (*syntax, error) {
	t := p.next()
	s := &syntax{name: t.text, column: t.column}
	switch {
	case t.kind == tokenValue:
		s.kind, s.value = isLiteral, t.value
		return s, nil
	case t.kind == tokenName && (t.text == "true" || t.text == "false"):
		s.kind, s.value = isLiteral, t.text == "true"
		return s, nil
	case t.kind == tokenName && p.take("@"):
		call, err := p.primary()
		if err == nil && (call.kind != isCall || call.label != "") {
			return nil, s.faultf("%s @ names a call: %s @ f(…)", t.text, t.text)
		}
		if err == nil {
			call.label = t.text
		}
		return call, err
	case t.kind == tokenName && p.take("("):
		s.kind = isCall
		return s, p.arguments(s)
	case t.kind == tokenName:
		return s, nil
	case t.text == "[" && t.kind == tokenSign:
		s.kind = isList
		var err error
		s.args, err = p.items("]")
		return s, err
	case t.text == "(" && t.kind == tokenSign:
		inner, err := p.expression(0)
		if err == nil {
			err = p.expect(")", "after the expression in brackets")
		}
		return inner, err
	}
	return nil, &fault{t.column, fmt.Sprintf("a name, a number or a bracket is expected, not %s", t)}
}

// arguments reads a call's arguments after "(".
func (p *parser) arguments(call *syntax) error {
	for !p.take(")") {
		if len(call.args)+len(call.named) > 0 {
			if err := p.expect(",", "between arguments"); err != nil {
				return err
			}
		}
		if t := p.peek(); t.kind == tokenName && p.tokens[1].text == "=" && p.tokens[1].kind == tokenSign {
			p.next()
			p.next()
			v, err := p.expression(0)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(call.named, func(a argument) bool { return a.name == t.text }) {
				return &fault{t.column, fmt.Sprintf("%s is given twice", t.text)}
			}
			call.named = append(call.named, argument{t.text, v, t.column})
			continue
		}
		if len(call.named) > 0 {
			return &fault{p.peek().column, "a positional argument comes after a named one"}
		}
		v, err := p.expression(0)
		if err != nil {
			return err
		}
		call.args = append(call.args, v)
	}
	return nil
}

// items reads the items of a list up to its end.
func (p *parser) items(end string) ([]*syntax, error) {
	var items []*syntax
	for !p.take(end) {
		if len(items) > 0 {
			if err := p.expect(",", "between items"); err != nil {
				return nil, err
			}
		}
		v, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return items, nil
}

// token is a word, a number, a string or a sign of a rewrite's line.
type token struct {
	kind   tokenKind
	text   string
	value  any // of numbers (int or float64) and strings
	column int // from 1
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenValue
	tokenSign
)

func (t token) String() string {
	if t.kind == tokenEnd {
		return "the end of the line"
	}
	return strconv.Quote(t.text)
}

// lex splits a line whose first character is in the column given.
func lex(line string, column int) ([]token, error) {
	var tokens []token
	var malformed string
	var s scanner.Scanner
	s.Init(strings.NewReader(line))
	s.Error = func(_ *scanner.Scanner, msg string) { malformed = msg }
	s.Mode = scanner.ScanIdents | scanner.ScanFloats | scanner.ScanStrings
	for {
		r := s.Scan()
		t := token{text: s.TokenText(), column: column + s.Position.Offset}
		var err error
		switch r {
		case scanner.EOF:
			return append(tokens, t), nil
		case scanner.Ident:
			t.kind = tokenName
		case scanner.Int:
			t.kind = tokenValue
			t.value, err = strconv.Atoi(t.text)
		case scanner.Float:
			t.kind = tokenValue
			t.value, err = strconv.ParseFloat(t.text, 64)
		case scanner.String:
			t.kind = tokenValue
			t.value, err = strconv.Unquote(t.text)
		default:
			if strings.Contains(" => ** == != <= >= ", " "+t.text+string(s.Peek())+" ") {
				t.text += string(s.Next())
			}
			t.kind = tokenSign
			if len(t.text) == 1 && !strings.Contains("+-*/%()[],=<>@", t.text) {
				malformed = "it has no meaning here"
			}
		}
		switch {
		case malformed != "":
			return nil, &fault{t.column, fmt.Sprintf("%s: %s", t.text, malformed)}
		case err != nil:
			return nil, &fault{t.column, fmt.Sprintf("the number %s is out of range", t.text)}
		}
		tokens = append(tokens, t)
	}
}
