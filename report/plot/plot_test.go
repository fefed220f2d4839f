package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
)

// decay is a curve that falls, with a gap.
func decay(name string, rate float64) Line {
	l := Line{Name: name}
	for i := range 200 {
		y := math.Exp2(-rate * float64(i) / 32)
		if i >= 80 && i < 100 {
			y = math.NaN()
		}
		l.Points = append(l.Points, Point{float64(i * 1000), y})
	}
	return l
}

func several() *Chart {
	return &Chart{Title: "loss", X: "steps", Y: "loss", Lines: []Line{decay("lr 0.1", 1), decay("lr 0.3 <&\"'\x1b[2J>", 3), decay("lr 0.01", 0.1)}}
}

func asText(t *testing.T, c *Chart, o TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, c.WriteText(&b, o))
	return b.String()
}

func asSVG(t *testing.T, c *Chart) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, c.WriteSVG(&b))
	return b.String()
}

func TestChartsAsText(t *testing.T) {
	one := &Chart{Title: "loss", X: "steps", Lines: []Line{decay("loss", 1)}}
	goldentest.Equal(t, "testdata/one.txt", asText(t, one, TextOptions{Width: 60, Height: 12}))
	c := several()
	goldentest.Equal(t, "testdata/several.txt", asText(t, c, TextOptions{Width: 60, Height: 18}))
	goldentest.Equal(t, "testdata/several_ascii.txt", asText(t, c, TextOptions{Width: 60, Height: 18, ASCII: true}))
	c.LogY = true
	goldentest.Equal(t, "testdata/several_log.txt", asText(t, c, TextOptions{Width: 60, Height: 18}))
}

func TestChartsAsSVG(t *testing.T) {
	c := several()
	text := asSVG(t, c)
	goldentest.Equal(t, "testdata/several.svg", text)
	require.Equal(t, text, asSVG(t, several()), "equal charts, equal bytes")
	c.LogY = true
	goldentest.Equal(t, "testdata/several_log.svg", asSVG(t, c))
}

// The diagonal of a braille area of 2 × 4 dots per character goes from corner to corner.
func TestACurveIsDrawnWhereItsValuesAre(t *testing.T) {
	c := &Chart{Lines: []Line{{"", []Point{{0, 0}, {100, 10}}}}}
	lines := strings.Split(asText(t, c, TextOptions{Width: 30, Height: 11}), "\n")
	require.Equal(t, "10 ┤", strings.TrimSpace(lines[0])[:len("10 ┤")])
	require.True(t, strings.HasSuffix(lines[0], "⡠⠔⠊") || strings.HasSuffix(lines[0], "⠊") || strings.HasSuffix(lines[0], "⠉"), "the highest value at the right: %q", lines[0])
	require.Regexp(t, `^ +0 ┤[⡠⣀⢀⡰⠤⡀]`, lines[7], "the lowest at the left")

	c.Lines[0].Points = []Point{{0, 0}, {40, 10}, {50, math.NaN()}, {60, 10}, {100, 0}}
	area := asText(t, c, TextOptions{Width: 30, Height: 11, ASCII: true})
	top := strings.Split(area, "\n")[0]
	require.Regexp(t, `\*+ +\*+`, top[strings.IndexByte(top, '+')+1:], "a gap between the two tops")
}

func TestAxesHaveRoundNumbersAndHoldAllValues(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		low := (random.Float64() - 0.5) * math.Pow(10, float64(random.IntN(40)-20))
		high := low + random.Float64()*math.Pow(10, float64(random.IntN(40)-20))
		if high-low <= 1e-9*math.Abs(low) {
			continue
		}
		most := 2 + random.IntN(10)
		a := newAxis(low, high, false, true, most)
		require.LessOrEqual(t, a.low, low)
		require.GreaterOrEqual(t, a.high, high)
		require.GreaterOrEqual(t, len(a.ticks), 2, "%g to %g", low, high)
		require.LessOrEqual(t, len(a.ticks), most+3, "%g to %g", low, high)
		seen := map[string]bool{}
		step := (a.ticks[1].at - a.ticks[0].at) * (a.high - a.low)
		digit := step / math.Pow(10, math.Floor(math.Log10(step)+1e-6))
		require.True(t, near(digit, 1) || near(digit, 2) || near(digit, 5), "%g to %g: %g", low, high, step)
		for _, tick := range a.ticks {
			require.False(t, seen[tick.label], "%g to %g: %s twice", low, high, tick.label)
			seen[tick.label] = true
			value := a.low + tick.at*(a.high-a.low)
			require.InDelta(t, value, number(t, tick.label), 1e-6*step+1e-12*math.Abs(value), "%g to %g", low, high)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-3 }

// number reads a label back.
func number(t *testing.T, label string) float64 {
	t.Helper()
	unit := 1.0
	for suffix, f := range map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} {
		if rest, ok := strings.CutSuffix(label, suffix); ok {
			label, unit = rest, f
		}
	}
	v, err := strconv.ParseFloat(label, 64)
	require.NoError(t, err)
	return v * unit
}

func TestTicksAtStepsAreWholeNumbers(t *testing.T) {
	for _, last := range []float64{0, 1, 2, 3, 7, 19, 1000} {
		ticks := newAxis(0, last, false, false, 5).ticks
		require.NotEmpty(t, ticks)
		for i, at := range ticks {
			require.Regexp(t, `^-?[0-9]+$`, at.label, "0 to %v", last)
			require.True(t, i == 0 || at.label != ticks[i-1].label)
		}
	}
}

func TestLogarithmicAxesHavePowersOfTen(t *testing.T) {
	labels := func(low, high float64, most int) (list []string) {
		for _, t := range newAxis(low, high, true, true, most).ticks {
			list = append(list, t.label)
		}
		return list
	}
	require.Equal(t, []string{"0.001", "0.01", "0.1", "1", "10", "100"}, labels(0.001, 100, 6))
	require.Equal(t, []string{"0.1", "0.2", "0.5", "1"}, labels(0.1, 1, 6))
	require.Equal(t, []string{"1e-10", "1e-5", "1", "1e5"}, labels(1e-10, 1e9, 4))
	require.Equal(t, []string{"3.1", "3.2"}, labels(3.1, 3.2, 6))
}

func TestAnyValuesCanBeDrawn(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	extreme := []float64{0, -1, 1, 1e-320, -1e-320, 1e308, -1e308, math.MaxFloat64, -math.MaxFloat64, inf, -inf, nan, 1e15, 1e15 + 1, 5e-324}
	for _, a := range extreme {
		for _, b := range extreme {
			for _, log := range []bool{false, true} {
				c := &Chart{Title: "t", X: "x", Y: "y", LogY: log, Lines: []Line{{"a", []Point{{a, b}}}, {"b", []Point{{0, a}, {1, b}, {a, 1}}}, {"c", nil}}}
				for _, o := range []TextOptions{{}, {Width: 1, Height: 1, ASCII: true}, {Width: 200, Height: 50, Colour: true}} {
					text := asText(t, c, o)
					require.NotContains(t, text, "NaN")
					require.True(t, utf8.ValidString(text))
				}
				require.NotRegexp(t, regexp.MustCompile(`NaN|Inf`), asSVG(t, c), "%g %g", a, b)
			}
		}
	}
	require.Contains(t, asText(t, &Chart{}, TextOptions{}), "no numbers to show")
	require.Contains(t, asText(t, &Chart{LogY: true, Lines: []Line{{"a", []Point{{1, 0}, {2, 5}}}}}, TextOptions{Width: 40}), "1 value of 0 or less can't be shown")
}

func TestLinesAreNotWiderThanTheScreen(t *testing.T) {
	c := several()
	c.Lines = c.Lines[:1]
	for _, width := range []int{40, 61, 80, 200} {
		for line := range strings.Lines(asText(t, c, TextOptions{Width: width, Height: 10})) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), width)
		}
	}
}

func TestNamesOfOthersAreTextAlone(t *testing.T) {
	for _, name := range []string{"</title><script>alert(1)</script>", "a\x00b\x1b[31m", "\xff\xfe", "&amp;", "\u202e\ufffe"} {
		c := &Chart{Title: name, X: name, Y: name, Lines: []Line{{name, []Point{{0, 1}, {1, 2}}}, {name, nil}}}
		text := asSVG(t, c)
		elements := map[string]int{}
		d := xml.NewDecoder(strings.NewReader(text))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, "%q", name)
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
			}
		}
		require.Zero(t, elements["script"])
		require.Equal(t, 2, elements["title"], "the image's, and the curve's that has points")
		require.NotContains(t, asText(t, c, TextOptions{Width: 60, Height: 10}), "\x1b")
		require.NotContains(t, text, "href")
	}
}

func TestColoursAreOnlyWhereTheyAreAskedFor(t *testing.T) {
	require.NotContains(t, asText(t, several(), TextOptions{Width: 60, Height: 10}), "\x1b")
	require.Contains(t, asText(t, several(), TextOptions{Width: 60, Height: 10, Colour: true}), "\x1b[34m")
	for _, r := range asText(t, several(), TextOptions{Width: 60, Height: 10, ASCII: true}) {
		require.Less(t, r, rune(127))
	}
}
