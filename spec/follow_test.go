package spec_test

import (
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

// What a help text says to write is tried out: it must be accepted.

var (
	suggests  = regexp.MustCompile(`^did you mean "([^"]+)"\?$`)
	renames   = regexp.MustCompile("^use [\"`]([^\"`]+)[\"`](?:$|: )")
	writes    = regexp.MustCompile(`(?:^|[:,] |is )(?:write|quote it:) (.+)$`)
	alsoUsed  = regexp.MustCompile(`^write (\w+), also at its (?:use|\d+ uses); `)
	advice    = regexp.MustCompile("\\bwrite (?:the|its|a name|it|f\\(x\\)|cast\\(x, \"f16\"\\)|`[^`]*` (?:to|for))|for \\|x\\||`[^`]*` in|`=` (?:to|names)|^write `[^`]*`$|\\bx == a\\b|\\bfloor_divide\\(a, b\\) for\\b|\\bstart, end\\b|matmul\\(a, b\\)|" + `…|NAME|FILE|TYPE|EXPRESSION|DIR|if you mean a product|\bf\(|OtherName|name: value|key: value|operation: inputs|a \? b|test \?|size: int`)
	endOfText = regexp.MustCompile(`^(.*?)(?:; .*|: a var is .*)$`)
)

// followed are the texts that a diagnostic's help leads to, if it says what to
// write: one for each piece of the source that it may stand in for. literal is
// false for help that is advice.
func followed(src string, d diag.Diagnostic) (texts []string, literal bool) {
	help := d.Help
	if m := alsoUsed.FindStringSubmatch(help); m != nil {
		old := cut(src, d.Range)
		return []string{strings.ReplaceAll(src, old, m[1])}, true
	}
	for _, form := range []*regexp.Regexp{suggests, renames} {
		if m := form.FindStringSubmatch(help); m != nil {
			return []string{replaced(src, d.Range, m[1]), replaced(src, d.Range, `"`+m[1]+`"`)}, true
		}
	}
	m := writes.FindStringSubmatch(help)
	if m == nil || advice.MatchString(help) {
		return nil, false
	}
	wants := []string{m[1]}
	if e := endOfText.FindStringSubmatch(m[1]); e != nil {
		wants = append(wants, e[1])
	}
	if i := strings.Index(m[1], ", or "); i > 0 {
		wants = append(wants, m[1][:i])
	}
	for _, want := range wants {
		want = strings.Trim(want, "`")
		quoted := `"` + strings.ReplaceAll(strings.ReplaceAll(want, `\`, `\\`), `"`, `\"`) + `"`
		for _, at := range standsIn(src, d.Range) {
			texts = append(texts, replaced(src, at, want), replaced(src, at, quoted))
		}
	}
	return texts, true
}

// standsIn are the pieces of a source that a text at a range may stand in for: the
// range, the scalar, the entry and the line around it.
func standsIn(src string, at diag.Range) []diag.Range {
	all := []diag.Range{at}
	if at.Start.Line < 1 || at.End.Line != at.Start.Line {
		return all
	}
	lines := strings.Split(src, "\n")
	if at.Start.Line > len(lines) {
		return all
	}
	line := []rune(strings.TrimSuffix(lines[at.Start.Line-1], "\r"))
	piece := func(from, to int) {
		if from <= at.Start.Col && from < to {
			all = append(all, diag.Range{File: at.File, Start: diag.Pos{Line: at.Start.Line, Col: from}, End: diag.Pos{Line: at.Start.Line, Col: to}})
		}
	}
	comment := len(line)
	if i := strings.Index(string(line), "  #"); i >= 0 {
		comment = len([]rune(string(line)[:i]))
	}
	begin := 0
	for begin < comment && (line[begin] == ' ' || line[begin] == '-') {
		begin++
	}
	piece(begin+1, comment+1)
	var starts, ends []int
	for i := range line[:comment] {
		if strings.ContainsRune(" {[(,\"", line[i]) && i+1 < at.Start.Col {
			starts = append(starts, i+2)
		}
		if strings.ContainsRune("}]),\"", line[i]) && i+2 >= at.Start.Col {
			ends = append(ends, i+1, i+2)
		}
	}
	starts, ends = append(starts, begin+1, at.Start.Col), append(ends, comment+1, at.End.Col)
	for _, from := range starts {
		for _, to := range ends {
			piece(from, to)
		}
	}
	return all
}

// offset is the byte of a position.
func offset(src string, p diag.Pos) int {
	at := 0
	for range p.Line - 1 {
		i := strings.IndexByte(src[at:], '\n')
		if i < 0 {
			return len(src)
		}
		at += i + 1
	}
	for range p.Col - 1 {
		if at >= len(src) {
			return at
		}
		at += len(string([]rune(src[at:min(len(src), at+4)])[:1]))
	}
	return min(at, len(src))
}

func cut(src string, at diag.Range) string { return src[offset(src, at.Start):offset(src, at.End)] }

func replaced(src string, at diag.Range, text string) string {
	from, to := offset(src, at.Start), offset(src, at.End)
	return src[:from] + text + src[max(from, to):]
}

// tried is a text with what is found in it.
type tried struct {
	text string
	list diag.List
}

// obey does what a diagnostic's help says, in the way that leaves least to be
// said. ok is false if no way makes the problem go away; literal, if the help
// doesn't say what to write.
func obey(file, src string, d diag.Diagnostic, o spec.Options) (best tried, ok, literal bool) {
	texts, literal := followed(src, d)
	for _, text := range texts {
		_, list := spec.Parse(file, []byte(text), o)
		same := false
		for _, other := range list.Items {
			same = same || other.Rule == d.Rule && other.Message == d.Message && other.Range.Start == d.Range.Start
		}
		if !same && (!ok || errors(list) < errors(best.list) || errors(list) == errors(best.list) && len(list.Items) < len(best.list.Items)) {
			best, ok = tried{text, list}, true
		}
	}
	return best, ok, literal
}

// errors is the number of findings that are errors.
func errors(list diag.List) int {
	n, _ := list.Count()
	return n
}
