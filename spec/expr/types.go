package expr

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// Type is the type of a value as written: f32[1, 2 * bits], float[..., n].
type Type struct {
	Position
	DType   string
	DTypeAt diag.Range
	Any     bool // dimensions of any number, written "...", between Dims[:AnyAt] and Dims[AnyAt:]
	AnyAt   int
	AnyName string // of "...name": what the list of those dimensions is called
	Dims    []Expr
}

// ParseType reads a type. A problem goes to list, and the result is nil.
func ParseType(src Source, list *diag.List) *Type {
	p := &parsing{src: src, list: list, runes: []rune(src.Text)}
	n := len(p.runes)
	list.Budget.Spend(diag.Parsing, parseCost+len(src.Text))
	if len(src.Text) > MaxBytes {
		p.fail(diag.ExpressionTooLarge, 0, n, "", "the type is longer than %d characters", MaxBytes)
		return nil
	}
	if p.placeholder() {
		return nil
	}
	open := slices.Index(p.runes, '[')
	end := len([]rune(strings.TrimRight(src.Text, " ")))
	if open < 0 {
		p.fail(diag.ExpressionSyntax, 0, n, "write its dimensions in brackets: f32[1, 8], or f32[] for a scalar",
			"a type needs a dtype and dimensions")
		return nil
	}
	if p.runes[end-1] != ']' {
		p.fail(diag.ExpressionSyntax, open, open+1, "", "the dimensions have no closing bracket")
		return nil
	}
	t := &Type{Position: p.position(span{0, end}), DType: strings.TrimSpace(string(p.runes[:open]))}
	t.DTypeAt = src.rangeOf(0, open)
	for _, piece := range p.split(open+1, end-1) {
		text := string(p.runes[piece.from:piece.to])
		trimmed := strings.TrimSpace(text)
		piece.from += len([]rune(text)) - len([]rune(strings.TrimLeft(text, " ")))
		if name, rest := strings.CutPrefix(trimmed, "..."); rest {
			to := piece.from + len([]rune(trimmed))
			switch {
			case t.Any:
				p.fail(diag.ExpressionSyntax, piece.from, to, "", "`...` can appear only once in a type")
				return nil
			case name != "" && !IsName(name):
				p.fail(diag.ExpressionSyntax, piece.from+3, to, "write `...`, or `...name`", "`%s` is not a name", name)
				return nil
			}
			t.Any, t.AnyAt, t.AnyName = true, len(t.Dims), name
			continue
		}
		dim := Parse(Source{File: src.File, Text: trimmed,
			Position: func(i int) diag.Pos { return src.Position(piece.from + i) }}, list)
		if dim == nil {
			return nil
		}
		t.Dims = append(t.Dims, dim)
	}
	return t
}

// split cuts a piece of the text at the commas that stand in no inner brackets.
// An empty piece has no parts.
func (p *parsing) split(from, to int) []span {
	if strings.TrimSpace(string(p.runes[from:to])) == "" {
		return nil
	}
	var parts []span
	depth, start := 0, from
	for i := from; i < to; i++ {
		switch p.runes[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, span{start, i})
				start = i + 1
			}
		}
	}
	return append(parts, span{start, to})
}

// IsName reports whether a text is a name: letters, digits and _, without a digit first.
func IsName(s string) bool {
	for i, r := range s {
		if !isWordRune(r) || i == 0 && !isLetter(r) {
			return false
		}
	}
	return s != ""
}
