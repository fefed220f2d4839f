package plot

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// TextOptions say how a chart is drawn as text.
type TextOptions struct {
	Width, Height int  // in characters, axes and legend included
	Colour        bool // with control sequences
	ASCII         bool // with nothing beyond ASCII
}

// The least size of the area that is drawn in.
const (
	leastColumns = 16
	leastRows    = 4
)

// The colours of a terminal, and the signs that tell curves apart without colours.
var (
	colours    = []int{34, 33, 36, 35, 32, 31, 94, 93}
	signs      = []rune("●○■□▲△◆◇")
	asciiSigns = []rune("*o+x#@%&")
)

// screen is the area that curves are drawn in, a cell per character.
type screen struct {
	columns, rows int
	cells         []rune  // 0: empty
	dots          []uint8 // of braille, by cell
	owner         []int   // which curve, by cell
	braille       bool
}

// WriteText draws a chart as text: a title, the curves between axes with round numbers, and
// a legend if there are several. A single curve, or curves in colours, are drawn in braille
// dots, eight per character; else each has a sign of its own.
func (c *Chart) WriteText(w io.Writer, o TextOptions) error {
	var b strings.Builder
	if title := c.heading(); title != "" {
		b.WriteString(plain(title, o) + "\n")
	}
	legend := len(c.Lines) > 1
	rows := max(leastRows, o.Height-3) // the title and two lines of the axis of x
	if legend {
		rows = max(leastRows, rows-len(c.Lines))
	}
	x, y := c.axes(max(2, (o.Width-10)/12), max(2, rows*2/5))
	if x == nil {
		b.WriteString("  (no numbers to show)\n")
	} else {
		c.draw(&b, x, y, rows, o)
	}
	for i, l := range c.Lines {
		if legend {
			b.WriteString("  " + paint(string(c.sign(i, o)), i, o) + " " + plain(l.Name, o) + "\n")
		}
	}
	if n := c.Hidden(); n > 0 {
		fmt.Fprintf(&b, "  %s of 0 or less can't be shown on a logarithmic axis\n", diag.Count(n, "value"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// heading says what the chart is of: there is no room for it at the axes.
func (c *Chart) heading() string {
	if c.Title == "" || c.X == "" {
		return c.Title
	}
	return c.Title + " over " + c.X
}

// plain is a text that steers no terminal.
func plain(text string, o TextOptions) string {
	text = strings.ReplaceAll(diag.Printable(text), "\n", " ")
	if o.ASCII {
		text = strings.Map(func(r rune) rune {
			if r > 126 {
				return '?'
			}
			return r
		}, text)
	}
	return text
}

func paint(text string, line int, o TextOptions) string {
	if !o.Colour {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colours[line%len(colours)], text)
}

// sign stands for a curve.
func (c *Chart) sign(line int, o TextOptions) rune {
	switch {
	case o.ASCII:
		return asciiSigns[line%len(asciiSigns)]
	case o.Colour:
		return '━'
	}
	return signs[line%len(signs)]
}

// draw writes the area, with its axes.
func (c *Chart) draw(b *strings.Builder, x, y *axis, rows int, o TextOptions) {
	margin := 0
	labels := make([]string, rows)
	for _, t := range y.ticks {
		labels[rows-1-int(math.Round(t.at*float64(rows-1)))] = t.label
		margin = max(margin, len(t.label))
	}
	s := &screen{columns: max(leastColumns, o.Width-margin-4), rows: rows, braille: !o.ASCII && (o.Colour || len(c.Lines) == 1)}
	s.cells, s.dots, s.owner = make([]rune, s.columns*rows), make([]uint8, s.columns*rows), make([]int, s.columns*rows)
	for i, l := range c.Lines {
		s.line(c, l, i, x, y, c.sign(i, o))
	}
	marks := map[bool][4]string{false: {"┤", "│", "└", "─"}, true: {"+", "|", "+", "-"}}[o.ASCII]
	for r := range rows {
		mark := marks[1]
		if labels[r] != "" {
			mark = marks[0]
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%*s %s%s", margin+1, labels[r], mark, s.row(r, o)), " ") + "\n")
	}
	under, text := s.under(x, o)
	fmt.Fprintf(b, "%*s %s%s\n", margin+1, "", marks[2], under)
	fmt.Fprintf(b, "%*s %s\n", margin+1, "", text)
}

// under is the axis below the area, and the numbers below that.
func (s *screen) under(x *axis, o TextOptions) (line, text string) {
	marks := map[bool][2]rune{false: {'─', '┬'}, true: {'-', '+'}}[o.ASCII]
	rule := []rune(strings.Repeat(string(marks[0]), s.columns))
	numbers := []byte(strings.Repeat(" ", s.columns+1))
	free := 0
	for _, t := range x.ticks {
		column := int(math.Round(t.at * float64(s.columns-1)))
		at := max(0, min(column+1-len(t.label)/2, len(numbers)-len(t.label)))
		if at < free || len(t.label) > len(numbers) {
			continue
		}
		rule[column] = marks[1]
		copy(numbers[at:], t.label)
		free = at + len(t.label) + 2
	}
	return string(rule), strings.TrimRight(string(numbers), " ")
}

// line draws a curve: points are joined, unless a gap is between them.
func (s *screen) line(c *Chart, l Line, number int, x, y *axis, sign rune) {
	wide, high := float64(s.columns), float64(s.rows)
	if s.braille {
		wide, high = 2*wide, 4*high
	}
	var before [2]int
	drawn := false
	for _, p := range l.Points {
		if !c.shown(p) {
			drawn = false
			continue
		}
		here := [2]int{int(math.Round(inside(x.place(p.X)) * (wide - 1))), int(math.Round((1 - inside(y.place(p.Y))) * (high - 1)))}
		if !drawn {
			before = here
		}
		s.segment(before, here, number, sign)
		before, drawn = here, true
	}
}

// inside keeps a place that rounding put beyond an end.
func inside(at float64) float64 { return min(max(at, 0), 1) }

// segment draws a straight line between two places.
func (s *screen) segment(a, b [2]int, number int, sign rune) {
	steps := max(abs(b[0]-a[0]), abs(b[1]-a[1]))
	for i := range steps + 1 {
		t := 0.0
		if steps > 0 {
			t = float64(i) / float64(steps)
		}
		s.dot(a[0]+int(math.Round(t*float64(b[0]-a[0]))), a[1]+int(math.Round(t*float64(b[1]-a[1]))), number, sign)
	}
}

func abs(n int) int { return max(n, -n) }

// brailleDots are the bits of the eight dots of a character, by row and column.
var brailleDots = [4][2]uint8{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

func (s *screen) dot(x, y, number int, sign rune) {
	if !s.braille {
		s.cells[y*s.columns+x], s.owner[y*s.columns+x] = sign, number
		return
	}
	at := y/4*s.columns + x/2
	if s.owner[at] != number { // the later curve is in front
		s.dots[at] = 0
	}
	s.dots[at] |= brailleDots[y%4][x%2]
	s.cells[at], s.owner[at] = '⠀'+rune(s.dots[at]), number
}

// row is a line of the area.
func (s *screen) row(r int, o TextOptions) string {
	var b strings.Builder
	for i, cell := range s.cells[r*s.columns : (r+1)*s.columns] {
		if cell == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteString(paint(string(cell), s.owner[r*s.columns+i], o))
	}
	return b.String()
}
