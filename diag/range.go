package diag

import "fmt"

// Pos is a place in a source text. Lines and columns count from 1; columns
// count characters (Unicode code points), as editors show them.
type Pos struct {
	Line, Col int
}

// Before reports whether p comes before q in the same text.
func (p Pos) Before(q Pos) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Col < q.Col
}

// Range is a piece of a source text: from Start up to, not including, End.
// The zero Range means "no place is known".
type Range struct {
	File       string
	Start, End Pos
}

// Known reports whether the range points anywhere.
func (r Range) Known() bool { return r.Start.Line > 0 }

// String gives the range's start as file:line:col, the form that terminals and
// editors turn into a link.
func (r Range) String() string {
	if !r.Known() {
		return r.File
	}
	return fmt.Sprintf("%s:%d:%d", r.File, r.Start.Line, r.Start.Col)
}

// String gives the position as line:col.
func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }
