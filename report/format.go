package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/ir"
)

// How numbers are shown to people.

// Count writes a number: "35,112".
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Metric writes a metric with four digits, zeros too, so that a line that
// is redrawn keeps still: "0.01873", "0.5000", "1.234e-05".
func Metric(v float64) string { return fmt.Sprintf("%#.4g", v) }

// noValue is what people see of a metric before the first evaluation. NaN would look like
// a fault of the model.
const noValue = "–"

// Counted writes a number of things: "1 step", "1,204 steps".
func Counted(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return Count(n) + " " + what
}

// Steps is Counted for steps.
func Steps(n int64) string { return Counted(n, "step") }

// hasValue reports whether a metric has been computed yet.
func hasValue(name string, evaluated bool) bool {
	return evaluated || !strings.HasPrefix(name, ir.EvalPrefix)
}

// formatRate writes steps per second.
func formatRate(perSecond float64) string { return formatSpeed(perSecond, "steps/s") }

// formatSpeed writes how many of something there are in a second; few with a fraction.
func formatSpeed(perSecond float64, unit string) string {
	if perSecond < 10 {
		return strconv.FormatFloat(perSecond, 'f', 2, 64) + " " + unit
	}
	return Count(int64(perSecond+0.5)) + " " + unit
}

// formatRates writes learning rates: "0.001", or those of several groups of parameters,
// "0.001, 0.0001".
func formatRates(rates []Rate) string {
	var b strings.Builder
	for i, r := range rates {
		if i == 3 {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.FormatFloat(r.Value, 'g', 4, 64))
	}
	return b.String()
}

// Duration writes "28ms", "0.2s", "12.3s", "2m5s", "3h0m10s".
func Duration(d time.Duration) string {
	if d > 0 && d < 50*time.Millisecond { // "0.0s" would say nothing
		return strconv.FormatInt((d+time.Millisecond-1).Milliseconds(), 10) + "ms"
	}
	if d < time.Minute {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	}
	return d.Round(time.Second).String()
}
