package tree

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
)

// YAML gives up where it can't go on, often some lines after the mistake: a line without its
// colon is text that the next line continues. So the lines before that position are mended
// one by one, and the text is read again. The line with which YAML gets further is the wrong
// one, and what it was mended to is what to write.

// slip is a way in which the line of an entry goes wrong.
type slip struct {
	pattern *regexp.Regexp // of the line without its indentation and dash
	mended  string         // what it should be, in terms of the pattern's groups
	message string
	help    string // in place of "write" and what it should be
}

const lost = "missing colon after the key"

var slips = []slip{
	{pattern: regexp.MustCompile(`^([A-Za-z_]\w*):([^\s:/].*)$`), mended: "$1: $2", message: "missing space after the colon"},
	{pattern: regexp.MustCompile(`^([A-Za-z_]\w*)\s*:?=\s*([^=\s].*)$`), mended: "$1: $2", message: "expected a colon after the key, not `=`"},
	{pattern: regexp.MustCompile(`^([A-Za-z_]\w*)\s*:?=\s*$`), mended: "$1:", message: "expected a colon after the key, not `=`"},
	{pattern: regexp.MustCompile(`^([A-Za-z_]\w*)\s*;\s*(\S.*)$`), mended: "$1: $2", message: "expected a colon after the key, not `;`"},
	{pattern: regexp.MustCompile(`^([A-Za-z_]\w*)\s*;\s*$`), mended: "$1:", message: "expected a colon after the key, not `;`"},
	{pattern: regexp.MustCompile(`^//+\s*(.*)$`), mended: "# $1", message: "`//` doesn't start a comment"},
	{pattern: regexp.MustCompile(`^/\*\s*(.*?)\s*(?:\*/)?$`), mended: "# $1", message: "`/*` doesn't start a comment"},
	{pattern: regexp.MustCompile(`^<!--\s*(.*?)\s*(?:-->)?$`), mended: "# $1", message: "`<!--` doesn't start a comment"},
	{pattern: regexp.MustCompile(`^((?:<{7}|={7}|>{7}|\|{7}).*)$`), mended: "# $1", message: "unresolved merge conflict", help: "remove this line"},
	{pattern: regexp.MustCompile(`^((?:import|from|def|class|return|print|assert|with|raise|if|elif|else|for|while|try)\b[^:]*:?)$`), mended: "# $1",
		message: "Python statements are not supported", help: "remove this line"},
	{pattern: regexp.MustCompile(`^([A-Za-z_]\w*)$`), mended: "$1:", message: lost},
	{pattern: regexp.MustCompile(`^([A-Za-z_]\w*)\s+([^:\s].*)$`), mended: "$1: $2", message: lost},
}

// entry cuts a line into its indentation with dashes, what it says, and its comment.
var entry = regexp.MustCompile(`^(\s*(?:- +)*)(.*?)(\s*|\s+#.*)$`)

// mend lists what a line may have been meant to be, with what would be wrong
// with it.
func mend(line string) []mended {
	m := entry.FindStringSubmatch(line)
	if m == nil || m[2] == "" || m[2][0] == '#' {
		return nil
	}
	var all []mended
	before, says := m[1], m[2]
	if at, r, ok := foreign.First(before + says); ok {
		for _, asSpace := range []bool{false, true} {
			says = strings.TrimRight(straight(m[2], asSpace), " ")
			all = append(all, mended{text: straight(before, asSpace) + says + m[3], at: at, strange: r, asSpace: asSpace})
		}
		trimmed := strings.TrimLeft(says, " ")
		before, says = straight(before, true)+says[:len(says)-len(trimmed)], trimmed
	}
	if open := strings.Count(says, "(") - strings.Count(says, ")"); open > 0 && strings.Contains(m[3], "#") {
		all = append(all, mended{text: before + says, message: "a ` #` begins a comment and ends the value before it", help: "move the comment to the end of the value"})
	}
	for _, s := range slips {
		if s.pattern.MatchString(says) {
			all = append(all, mended{text: before + s.pattern.ReplaceAllString(says, s.mended) + m[3], message: s.message, help: s.help})
		}
	}
	return all
}

// straight is a text with the characters that were meant; those that can't be
// seen may have been meant as spaces.
func straight(s string, asSpace bool) string {
	if asSpace {
		s = strings.Map(func(r rune) rune {
			if foreign.IsInvisible(r) {
				return ' '
			}
			return r
		}, s)
	}
	return foreign.Straight(s)
}

// Mend says how the entry of a mapping is written that a text probably stands for
// which isn't one, and what is wrong with it; "" if that isn't known.
func Mend(line string) (meant, message string) {
	for _, m := range mend(line) {
		if key, _, ok := strings.Cut(m.text, ":"); ok && m.text[len(key):] != ":" && !strings.HasPrefix(m.text[len(key):], ": ") {
			continue
		} else if ok {
			if m.strange != 0 {
				m.message = foreign.Describe(m.strange) + ", is not YAML syntax"
			}
			return strings.TrimSpace(m.text), m.message
		}
	}
	return "", ""
}

// mended is a line as it may have been meant.
type mended struct {
	text    string
	message string
	help    string
	at      int  // of the character that isn't what it looks like
	strange rune // this one; 0 if there is none
	asSpace bool // those that can't be seen are taken for spaces
}

// The bounds of the search: how many lines before the place where YAML gave up
// are tried, and how many bytes are read for that in all.
const (
	maxMendedLines = 8
	maxMendedBytes = 1 << 20
)

// repair finds the line at fault, and reports it in d.
func (t *text) repair(d *diag.Diagnostic, list *diag.List) bool {
	gaveUp := d.Range.Start.Line
	budget := maxMendedBytes
	tried := 0
	for n := gaveUp; n > 0 && tried < maxMendedLines; n-- {
		candidates := mend(t.line(n))
		if strings.TrimSpace(t.line(n)) != "" {
			tried++
		}
		for _, m := range candidates {
			size := t.lineEnd(gaveUp + 1)
			if budget -= size; budget < 0 {
				return false
			}
			list.Budget.Spend(diag.Reading, byteCost*size)
			if m.strange != 0 && t.reads(straight(t.src[:t.lineEnd(gaveUp+1)], m.asSpace), gaveUp) {
				t.reportStrange(d, n, m)
				return true
			}
			if m.strange == 0 && t.reads(t.with(n, m.text, gaveUp+1), gaveUp) {
				d.Range, d.Message = t.content(n), m.message
				d.Help = cmp.Or(m.help, "write "+strings.TrimSpace(m.text))
				return true
			}
		}
	}
	return false
}

// reportStrange reports a line whose characters only look like YAML's, or the
// first of several in a row.
func (t *text) reportStrange(d *diag.Diagnostic, n int, m mended) {
	for above := n - 1; above > 0; above-- {
		line := t.line(above)
		if strings.TrimSpace(line) == "" {
			continue
		}
		at, r, ok := foreign.First(line)
		if !ok || r != m.strange {
			break
		}
		n, m.at = above, at
		m.text = straight(line, m.asSpace)
	}
	d.Range = t.at(diag.Pos{Line: n, Col: m.at + 1})
	d.Message = foreign.Describe(m.strange) + ", is not YAML syntax"
	if foreign.IsSpace(m.strange) {
		d.Message = foreign.Describe(m.strange) + ", is not a space in YAML"
	}
	if lines := t.linesWith(m.strange); lines > 1 {
		d.Message += "; it occurs on " + diag.Count(lines, "line")
	}
	d.Help = "write " + strings.TrimSpace(m.text)
	if indentation := []rune(t.line(n))[:m.at]; isBlank(m.strange) && strings.TrimSpace(string(indentation)) == "" {
		d.Help = "indent with spaces"
	}
}

// linesWith is the number of lines with a character.
func (t *text) linesWith(r rune) int {
	lines := 0
	for i := range t.lines {
		if strings.ContainsRune(t.line(i+1), r) {
			lines++
		}
	}
	return lines
}

// content is the range of what a line says, without its indentation and comment.
func (t *text) content(n int) diag.Range {
	text := t.line(n)
	m := entry.FindStringSubmatch(text)
	from := utf8.RuneCountInString(m[1]) + 1
	return t.rangeOf(diag.Pos{Line: n, Col: from}, diag.Pos{Line: n, Col: from + utf8.RuneCountInString(m[2])})
}

// lineEnd is the byte behind line n.
func (t *text) lineEnd(n int) int {
	if n < len(t.lines) {
		return t.lines[n]
	}
	return len(t.src)
}

// with is the text up to line last, with another line n.
func (t *text) with(n int, line string, last int) string {
	return t.src[:t.lines[n-1]] + line + "\n" + t.src[t.lineEnd(n):max(t.lineEnd(n), t.lineEnd(last))]
}

// reads reports whether YAML gets behind a line of a text.
func (t *text) reads(src string, behind int) bool {
	loader, err := newLoader(src)
	if err != nil {
		return false
	}
	var doc yaml.Node
	err = loader.Load(&doc)
	var load *yaml.LoadError
	if errors.As(err, &load) {
		return load.Mark.Line > behind && load.ContextMark.Line > behind
	}
	return err == nil
}
