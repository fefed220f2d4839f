package plot

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The size of a picture, in points, and of its margins.
const (
	svgWidth, svgHeight          = 720, 400
	marginLeft, marginRight      = 72, 24
	marginTop, marginBottom      = 44, 52
	legendLine                   = 20
	areaWidth                    = svgWidth - marginLeft - marginRight
	areaHeight                   = svgHeight - marginTop - marginBottom
	xTicks, yTicks               = 7, 6
	charWidth, longestLegendText = 7, (areaWidth - 40) / 7
)

// palette are the colours of Okabe and Ito (2008), which people who are colour-blind tell
// apart, without yellow and black, which don't show on every background. From the eighth
// curve on, lines are dashed.
var palette = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888"}

var dashes = []string{"", "7 4", "2 3", "9 3 2 3"}

// style has colours that are readable on light and dark backgrounds: that of the page
// shows through.
const style = `<style>
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #333 }
.title { font-size: 16px; font-weight: 600 }
.tick { font-size: 12px }
.grid { stroke: #888; stroke-opacity: .25 }
.axis { stroke: #888 }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
</style>
`

// WriteSVG draws a chart as an SVG image that needs nothing from elsewhere: no script, no
// font, no address. Equal charts give equal bytes. It has a title and a description for
// people who listen to it.
func (c *Chart) WriteSVG(w io.Writer) error {
	var b strings.Builder
	height := svgHeight
	if len(c.Lines) > 1 {
		height += legendLine*len(c.Lines) + 8
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">`+"\n",
		svgWidth, height, svgWidth, height)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n", escape(c.Title), escape(c.describe()))
	b.WriteString(style)
	fmt.Fprintf(&b, "<text class=\"title\" x=\"%d\" y=\"26\">%s</text>\n", marginLeft, escape(cut(c.Title, areaWidth/9)))
	if x, y := c.axes(xTicks, yTicks); x == nil {
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">no numbers to show</text>\n", svgWidth/2, svgHeight/2)
	} else {
		c.svgAxes(&b, x, y)
		for i, l := range c.Lines {
			c.svgLine(&b, i, l, x, y)
		}
	}
	c.svgLegend(&b)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// describe says in words what the picture shows.
func (c *Chart) describe() string {
	text := fmt.Sprintf("%s over %s", c.Y, c.X)
	if c.LogY {
		text += ", on a logarithmic scale"
	}
	var lines []string
	for _, l := range c.Lines {
		first, last, any := 0, 0, false
		for i, p := range l.Points {
			if c.shown(p) {
				if !any {
					first = i
				}
				last, any = i, true
			}
		}
		if !any {
			lines = append(lines, l.Name+" has no numbers")
			continue
		}
		a, z := l.Points[first], l.Points[last]
		lines = append(lines, fmt.Sprintf("%s goes from %s at %s to %s at %s", l.Name, short(a.Y), short(a.X), short(z.Y), short(z.X)))
	}
	if len(lines) > 0 {
		text += ". " + strings.Join(lines, "; ")
	}
	return text + "."
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// svgAxes draws the axes: a grid of thin lines with numbers.
func (c *Chart) svgAxes(b *strings.Builder, x, y *axis) {
	bottom := marginTop + areaHeight
	for _, t := range y.ticks {
		at := coordinate(marginTop + (1-t.at)*areaHeight)
		fmt.Fprintf(b, "<line class=\"grid\" x1=\"%d\" y1=\"%s\" x2=\"%d\" y2=\"%s\"/>\n", marginLeft, at, marginLeft+areaWidth, at)
		fmt.Fprintf(b, "<text class=\"tick\" x=\"%d\" y=\"%s\" dy=\"4\" text-anchor=\"end\">%s</text>\n", marginLeft-8, at, escape(t.label))
	}
	for _, t := range x.ticks {
		at := coordinate(marginLeft + t.at*areaWidth)
		fmt.Fprintf(b, "<line class=\"axis\" x1=\"%s\" y1=\"%d\" x2=\"%s\" y2=\"%d\"/>\n", at, bottom, at, bottom+5)
		fmt.Fprintf(b, "<text class=\"tick\" x=\"%s\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at, bottom+20, escape(t.label))
	}
	fmt.Fprintf(b, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", marginLeft, bottom, marginLeft+areaWidth, bottom)
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", marginLeft+areaWidth/2, bottom+42, escape(c.X))
	fmt.Fprintf(b, "<text x=\"16\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 16 %d)\">%s</text>\n",
		marginTop+areaHeight/2, marginTop+areaHeight/2, escape(cut(c.Y, areaHeight/charWidth)))
}

func stroke(line int) string {
	text := `stroke="` + palette[line%len(palette)] + `"`
	if dash := dashes[line/len(palette)%len(dashes)]; dash != "" {
		text += ` stroke-dasharray="` + dash + `"`
	}
	return text
}

// svgLine draws a curve; a gap ends one path and begins another. A point between two gaps
// is drawn as a dot: a path of no length with round ends.
func (c *Chart) svgLine(b *strings.Builder, number int, l Line, x, y *axis) {
	var path strings.Builder
	drawn := false
	before := ""
	for _, p := range l.Points {
		if !c.shown(p) {
			drawn = false
			continue
		}
		here := coordinate(marginLeft+inside(x.place(p.X))*areaWidth) + " " + coordinate(marginTop+(1-inside(y.place(p.Y)))*areaHeight)
		switch {
		case !drawn:
			path.WriteString("M" + here + "h0")
		case here != before:
			path.WriteString("L" + here)
		}
		drawn, before = true, here
	}
	if path.Len() > 0 {
		fmt.Fprintf(b, "<path class=\"curve\" %s d=\"%s\"><title>%s</title></path>\n", stroke(number), path.String(), escape(l.Name))
	}
}

// svgLegend names the curves below the axes, if there are several.
func (c *Chart) svgLegend(b *strings.Builder) {
	if len(c.Lines) < 2 {
		return
	}
	for i, l := range c.Lines {
		at := svgHeight + legendLine*i + 8
		fmt.Fprintf(b, "<path class=\"curve\" %s d=\"M%d %dh24\"/>\n", stroke(i), marginLeft, at)
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" dy=\"4\">%s</text>\n", marginLeft+32, at, escape(cut(l.Name, longestLegendText)))
	}
}

// coordinate writes a place with two digits after the point at most.
func coordinate(v float64) string {
	text := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// cut cuts a text to about the room it has.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// escape makes a text the content of an element. XML has no control characters, not even
// escaped, and no bytes that aren't UTF-8; they become a question mark in a diamond.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' || r == utf8.RuneError {
			return '\ufffd'
		}
		return r
	}, text)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}
