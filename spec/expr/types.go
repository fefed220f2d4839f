package expr

import (
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// Type is the type of a value as written: f32[1, 2 * bits], float[..., n].
type Type struct {
	Place
	DType   string
	DTypeAt diag.Range
	Any     bool // leading dimensions of any number: a "..." at the front
	Dims    []Expr
}

// ParseType reads a type. A problem goes to list, and the result is nil.
func ParseType(src Source, list *diag.List) *Type {
	p := &parsing{src: src, list: list, runes: []rune(src.Text)}
	n := len(p.runes)
	if len(src.Text) > MaxBytes {
		p.fail(diag.ExpressionTooLarge, 0, n, "", "the type is longer than %d characters", MaxBytes)
		return nil
	}
	open := indexRune(p.runes, '[')
	end := n
	for end > 0 && p.runes[end-1] == ' ' {
		end--
	}
	if open < 0 {
		p.fail(diag.ExpressionSyntax, 0, n, "write its dimensions in brackets: f32[1, 8], or f32[] for a scalar",
			"a type is a dtype with dimensions")
		return nil
	}
	if p.runes[end-1] != ']' {
		p.fail(diag.ExpressionSyntax, open, open+1, "", "the bracket of the dimensions is never closed")
		return nil
	}
	t := &Type{Place: p.place(span{0, end}), DType: strings.TrimSpace(string(p.runes[:open]))}
	t.DTypeAt = src.rangeOf(0, open)
	for i, piece := range p.split(open+1, end-1) {
		text := string(p.runes[piece.from:piece.to])
		trimmed := strings.TrimSpace(text)
		piece.from += len([]rune(text)) - len([]rune(strings.TrimLeft(text, " ")))
		if trimmed == "..." {
			if i > 0 {
				p.fail(diag.ExpressionSyntax, piece.from, piece.from+3, "", "`...` can only be the first dimension")
				return nil
			}
			t.Any = true
			continue
		}
		dim := Parse(src.sub(trimmed, piece.from), list)
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

func indexRune(runes []rune, r rune) int {
	for i, c := range runes {
		if c == r {
			return i
		}
	}
	return -1
}
