package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WriteText renders the list for people: each diagnostic with the line that it
// points at, its notes and its help.
//
//	graphs/bad.yaml:14:14: error[shape-mismatch]: matmul: inner sizes differ: 8 and 16
//	   14 |     h1: silu(matmul(x, w1))
//	      |              ^~~~~~~~~~~~~
//	   x is f32[1, 8], from line 9; w1 is f32[16, 16], from line 12
//	   help: …
//
// Colour adds ANSI escapes; without it the text holds none.
func (l *List) WriteText(w io.Writer, colour bool) error {
	out := bufio.NewWriter(w)
	for i, d := range l.Items {
		if i > 0 {
			out.WriteByte('\n')
		}
		l.writeText(out, d, painter(colour))
	}
	return out.Flush()
}

// Text is WriteText without colour, as a string.
func (l *List) Text() string {
	var b strings.Builder
	_ = l.WriteText(&b, false) // a strings.Builder can't fail
	return b.String()
}

type painter bool

const (
	bold   = "1"
	red    = "1;31"
	yellow = "1;33"
	cyan   = "36"
)

func (p painter) paint(style, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (l *List) writeText(out *bufio.Writer, d Diagnostic, p painter) {
	style := red
	if d.Severity == Warning {
		style = yellow
	}
	place := printable(d.Range.String())
	if place != "" {
		place = p.paint(bold, place+":") + " "
	}
	fmt.Fprintf(out, "%s%s: %s\n", place,
		p.paint(style, fmt.Sprintf("%s[%s]", d.Severity, d.Rule)), printable(d.Message))
	if e, ok := l.excerpt(d.Range); ok {
		text, from, to := e.shown()
		fmt.Fprintf(out, "%5d | %s\n", d.Range.Start.Line, text)
		carets := "^" + strings.Repeat("~", max(to-from-1, 0))
		fmt.Fprintf(out, "      | %s%s\n", strings.Repeat(" ", from), p.paint(style, carets))
	}
	for _, line := range noteLines(d) {
		fmt.Fprintf(out, "   %s\n", line)
	}
	if d.Help != "" {
		fmt.Fprintf(out, "   %s %s\n", p.paint(cyan, "help:"), printable(d.Help))
	}
}

const noteWidth = 100

// noteLines puts the notes on one line if they fit, else each on its own.
func noteLines(d Diagnostic) []string {
	var notes []string
	total := 0
	for _, n := range d.Notes {
		text := printable(n.Message)
		switch {
		case !n.Range.Known():
		case n.Range.File == d.Range.File:
			text = fmt.Sprintf("%s (line %d)", text, n.Range.Start.Line)
		default:
			text = fmt.Sprintf("%s (%s)", text, printable(n.Range.String()))
		}
		notes = append(notes, text)
		total += utf8.RuneCountInString(text) + 2
	}
	if len(notes) > 1 && total <= noteWidth {
		return []string{strings.Join(notes, "; ")}
	}
	return notes
}

const maxMessage = 2000 // bytes of a message, a note or a help that are shown

// printable replaces tabs by spaces and control characters by a mark, one
// character each, so that columns stay where they are and nothing in a spec can
// steer a terminal.
func printable(text string) string {
	text = cut(text)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, text)
}
