package main

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
)

// grid is a table whose lines fit the screen: what doesn't is cut at the end of the line.
type grid struct {
	w       io.Writer
	width   int // of the screen; 0: lines aren't cut
	indent  string
	rows    [][]string
	toRight []int // columns of numbers
}

// newGrid begins a table with a line of titles, if there are any.
func newGrid(s streams, titles ...string) *grid {
	g := &grid{w: s.out, width: screenWidth(s)}
	if len(titles) > 0 {
		g.rows = append(g.rows, titles)
	}
	return g
}

// right aligns columns at their right side.
func (g *grid) right(columns ...int) { g.toRight = append(g.toRight, columns...) }

// row adds a line. Cells may be texts of others: what steers a terminal is escaped.
func (g *grid) row(cells ...string) {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	g.rows = append(g.rows, cells)
}

// printable escapes what steers a terminal or breaks a line.
func printable(text string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(diag.Printable(text))
}

func (g *grid) write() error {
	var widths []int
	for _, row := range g.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var out strings.Builder
	for _, row := range g.rows {
		line := g.indent
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if slices.Contains(g.toRight, i) {
				line += pad + c
			} else {
				line += c + pad
			}
			line += "  "
		}
		out.WriteString(cutLine(strings.TrimRight(line, " "), g.width))
		out.WriteByte('\n')
	}
	_, err := io.WriteString(g.w, out.String())
	return err
}

// cutLine cuts a text to so many characters; 0 leaves it as it is.
func cutLine(text string, width int) string {
	if width == 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
