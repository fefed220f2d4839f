// Package plot draws curves: as text for terminals and as SVG.
package plot

import (
	"math"
	"strconv"
	"strings"
)

// Chart is curves over one pair of axes.
type Chart struct {
	Title string
	X, Y  string // what the axes are of
	LogY  bool   // values of 0 and less are gaps then
	Lines []Line
}

// Line is a curve with its name, which may be anybody's text.
type Line struct {
	Name   string
	Points []Point
}

// Point is a point of a curve. One whose Y isn't finite is a gap.
type Point struct{ X, Y float64 }

// shown reports whether a point is drawn.
func (c *Chart) shown(p Point) bool {
	return !math.IsNaN(p.X) && !math.IsInf(p.X, 0) && !math.IsNaN(p.Y) && !math.IsInf(p.Y, 0) && (!c.LogY || p.Y > 0)
}

// Hidden counts the values that a logarithmic axis can't show.
func (c *Chart) Hidden() (n int) {
	for _, l := range c.Lines {
		for _, p := range l.Points {
			if c.LogY && p.Y <= 0 {
				n++
			}
		}
	}
	return n
}

// axis maps values to places from 0 to 1.
type axis struct {
	low, high float64 // as they are drawn: logarithms of an axis that is one
	log       bool
	ticks     []tick
}

// tick is a mark of an axis.
type tick struct {
	at    float64 // from 0 to 1
	label string
}

func (a *axis) place(v float64) float64 {
	if a.log {
		v = math.Log10(v)
	}
	// In halves, as the difference of two large numbers may be no float.
	at := (v/2 - a.low/2) / (a.high/2 - a.low/2)
	if math.IsNaN(at) || math.IsInf(at, 0) { // all values are equal, as far as floats can tell
		return 0.5
	}
	return at
}

// axes are those that hold all points; about so many ticks fit on each.
func (c *Chart) axes(xTicks, yTicks int) (x, y *axis) {
	xl, xh, yl, yh := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, l := range c.Lines {
		for _, p := range l.Points {
			if c.shown(p) {
				xl, xh, yl, yh = min(xl, p.X), max(xh, p.X), min(yl, p.Y), max(yh, p.Y)
			}
		}
	}
	if xl > xh {
		return nil, nil
	}
	x = newAxis(xl, xh, false, false, xTicks)
	return x, newAxis(yl, yh, c.LogY, true, yTicks)
}

// newAxis makes an axis for values from low to high; a rounded one begins and ends at ticks.
func newAxis(low, high float64, log, rounded bool, most int) *axis {
	if log {
		return logAxis(low, high, most)
	}
	if low == high { // something around it
		d := math.Abs(low) / 2
		if d == 0 {
			d = 1
		}
		if !rounded { // a step
			d = 1
		}
		low, high = max(low-d, -math.MaxFloat64), min(high+d, math.MaxFloat64)
	}
	step := niceStep(high/float64(most) - low/float64(most))
	if !rounded { // steps are whole
		step = max(step, 1)
	}
	a := &axis{low: low, high: high}
	if rounded {
		if l, h := math.Floor(low/step)*step, math.Ceil(high/step)*step; !math.IsInf(l, 0) && !math.IsInf(h, 0) {
			a.low, a.high = l, h
		}
	}
	first := math.Ceil(a.low/step - 1e-9)
	for i := range 4 * most {
		v := (first + float64(i)) * step
		if at := a.place(v); !math.IsNaN(v) && !math.IsInf(v, 0) && at >= -1e-9 && at <= 1+1e-9 {
			a.ticks = append(a.ticks, tick{min(max(at, 0), 1), label(v, step, max(math.Abs(a.low), math.Abs(a.high)))})
		}
	}
	return a
}

// niceStep is 1, 2 or 5 times a power of ten that is at least a distance.
func niceStep(distance float64) float64 {
	if distance < 1e-300 { // where powers of ten lose digits
		return 1e-300
	}
	power := math.Pow(10, math.Floor(math.Log10(distance)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= distance*(1-1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// label writes a tick: with as many digits as the distance to the next one needs, and as
// thousands or more where the axis goes far.
func label(v, step, largest float64) string {
	if math.Abs(v) < step/2 {
		return "0"
	}
	if largest >= 1e4 && largest < 1e15 && step >= 1000 {
		return thousands(v, step)
	}
	digits := int(math.Floor(math.Log10(math.Abs(v)))-math.Floor(math.Log10(step)+1e-9)) + 1
	if a := math.Abs(v); a >= 1e5 || a < 1e-4 {
		return strings.Replace(strconv.FormatFloat(v, 'e', max(digits, 1)-1, 64), "e+", "e", 1)
	}
	return strconv.FormatFloat(v, 'f', max(0, -int(math.Floor(math.Log10(step)+1e-9))), 64)
}

// thousands writes 250,000 as 250k and 2,000,000 as 2M.
func thousands(v, step float64) string {
	unit := 0
	for math.Abs(v) >= 1000 && unit < 4 {
		v, unit = v/1000, unit+1
	}
	digits := 3*unit - int(math.Floor(math.Log10(step)+1e-9))
	return strconv.FormatFloat(v, 'f', max(0, digits), 64) + []string{"", "k", "M", "G", "T"}[unit]
}

// logAxis has ticks at powers of ten, and at their double and fivefold where few fit in.
func logAxis(low, high float64, most int) *axis {
	a := &axis{low: math.Log10(low), high: math.Log10(high), log: true}
	if a.high-a.low < 1e-9 {
		a.low, a.high = a.low-0.5, a.high+0.5
	}
	first, last := math.Floor(a.low), math.Ceil(a.high)
	every := max(1, math.Ceil((last-first)/float64(most)))
	factors := []float64{1}
	if a.high-a.low <= float64(most)/3 {
		factors = []float64{1, 2, 5}
	}
	for exponent := first; exponent <= last; exponent += every {
		for _, f := range factors {
			at := (exponent + math.Log10(f) - a.low) / (a.high - a.low)
			if at >= -1e-9 && at <= 1+1e-9 {
				a.ticks = append(a.ticks, tick{min(max(at, 0), 1), logLabel(f, int(exponent))})
			}
		}
	}
	if len(a.ticks) < 2 { // all within a third of a decade
		a.ticks = nil
		for _, at := range []float64{0, 1} {
			a.ticks = append(a.ticks, tick{at, strconv.FormatFloat(math.Pow(10, a.low+at*(a.high-a.low)), 'g', 3, 64)})
		}
	}
	return a
}

// logLabel writes f × 10^exponent.
func logLabel(f float64, exponent int) string {
	if exponent >= -3 && exponent <= 4 {
		return strconv.FormatFloat(f*math.Pow(10, float64(exponent)), 'f', max(0, -exponent), 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64) + "e" + strconv.Itoa(exponent)
}
