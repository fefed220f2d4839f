package diag

import (
	"strings"
	"unicode/utf8"
)

const (
	windowWidth  = 120 // characters of a line that are shown
	windowBefore = 40  // of them before the range, where the line is too long
)

// excerpt is what is shown of a line, and the place of a range in it.
type excerpt struct {
	text              string // as it stands in the source
	from, to          int    // characters, from 0, to not included
	begun, unfinished bool   // the line begins before it, and ends behind it
}

// excerpt finds the line that a range starts on. A long line is neither copied nor
// walked again for each range in it, as long as they are asked for in order.
func (l *List) excerpt(r Range) (e excerpt, ok bool) {
	source, known := l.Sources[r.File]
	if !known || !r.Known() {
		return e, false
	}
	if l.cursors == nil {
		l.cursors = map[string]*cursor{}
	}
	c := l.cursors[r.File]
	if c == nil || c.text != source {
		c = &cursor{text: source, line: 1, col: 1}
		l.cursors[r.File] = c
	}
	if !c.seek(r.Start) {
		return e, false
	}
	start, before := c.back(windowBefore)
	if _, width := forward(c.text, c.start, windowWidth+1); width <= windowWidth {
		start, before = c.start, c.col-1
	}
	end, width := forward(c.text, start, windowWidth)
	e = excerpt{text: c.text[start:end], from: before, to: width, begun: start > c.start, unfinished: !ends(c.text, end)}
	if r.End.Line == r.Start.Line {
		e.to = min(before+r.End.Col-r.Start.Col, width)
	}
	e.to = max(e.to, e.from+1)
	return e, true
}

// shown is the excerpt as people see it, with a mark where the line was cut.
func (e excerpt) shown() (text string, from, to int) {
	text, from, to = printable(e.text), e.from, e.to
	if e.begun {
		text, from, to = "…"+text, from+1, to+1
	}
	if e.unfinished {
		text += "…"
	}
	return text, from, to
}

// cursor is a place in a text, from which others behind it are found.
type cursor struct {
	text  string
	line  int
	start int // of the line, in bytes
	col   int
	at    int // in bytes
}

// seek goes to a position, or to the end of its line if that is shorter. There may be
// no such line.
func (c *cursor) seek(p Pos) bool {
	if p.Line < c.line {
		*c = cursor{text: c.text, line: 1, col: 1}
	}
	for c.line < p.Line {
		i := strings.IndexByte(c.text[c.at:], '\n')
		if i < 0 {
			return false
		}
		c.line, c.col = c.line+1, 1
		c.at += i + 1
		c.start = c.at
	}
	if p.Col < c.col {
		c.col, c.at = 1, c.start
	}
	at, n := forward(c.text, c.at, p.Col-c.col)
	c.at, c.col = at, c.col+n
	return true
}

// back gives the place up to n characters before the cursor on its line, and how many
// they are.
func (c *cursor) back(n int) (at, count int) {
	at = c.at
	for count < n && at > c.start {
		_, size := utf8.DecodeLastRuneInString(c.text[:at])
		at -= size
		count++
	}
	return at, count
}

// forward gives the place up to n characters behind another on its line, and how many
// they are.
func forward(text string, at, n int) (to, count int) {
	for count < n && !ends(text, at) {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
		count++
	}
	return at, count
}

// ends tells whether a line ends at a place.
func ends(text string, at int) bool {
	return at == len(text) || text[at] == '\n' || text[at] == '\r' && (at+1 == len(text) || text[at+1] == '\n')
}
