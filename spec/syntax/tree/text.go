package tree

import (
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
)

// text is a source with its lines, for going between positions and bytes.
type text struct {
	file  string
	src   string
	lines []int // offsets of the lines' starts

	// The last position asked for. Questions come in order, so that long lines
	// aren't walked again and again.
	last   diag.Pos
	lastAt int
}

func newText(file, src string) *text {
	t := &text{file: file, src: src, lines: []int{0}}
	for i := 0; ; {
		j := strings.IndexByte(src[i:], '\n')
		if j < 0 {
			return t
		}
		i += j + 1
		t.lines = append(t.lines, i)
	}
}

// offset gives the byte at which a position stands.
func (t *text) offset(p diag.Pos) int {
	if p.Line > len(t.lines) {
		return len(t.src)
	}
	if p.Line != t.last.Line || p.Col < t.last.Col {
		t.last, t.lastAt = diag.Pos{Line: p.Line, Col: 1}, t.lines[p.Line-1]
	}
	for t.last.Col < p.Col && t.lastAt < len(t.src) {
		_, size := utf8.DecodeRuneInString(t.src[t.lastAt:])
		t.lastAt += size
		t.last.Col++
	}
	return t.lastAt
}

// walk gives the position of offset to, starting at a known one before it.
func (t *text) walk(p diag.Pos, from, to int) diag.Pos {
	for _, r := range t.src[from:to] {
		p = next(p, r)
	}
	return p
}

// next is the position after the character r at p.
func next(p diag.Pos, r rune) diag.Pos {
	if r == '\n' {
		return diag.Pos{Line: p.Line + 1, Col: 1}
	}
	return diag.Pos{Line: p.Line, Col: p.Col + 1}
}

func (t *text) rangeOf(start, end diag.Pos) diag.Range {
	return diag.Range{File: t.file, Start: start, End: end}
}

// at is the range of a single character.
func (t *text) at(p diag.Pos) diag.Range {
	return t.rangeOf(p, diag.Pos{Line: p.Line, Col: p.Col + 1})
}

// skipSpace gives the next offset that is neither white space nor comment.
func (t *text) skipSpace(i int) int {
	for i < len(t.src) {
		switch c := t.src[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '#':
			for i < len(t.src) && t.src[i] != '\n' {
				i++
			}
		default:
			return i
		}
	}
	return i
}
