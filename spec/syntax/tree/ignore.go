package tree

import (
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
)

// ignores finds the comments that accept warnings. The leaves, in the order of
// the text, tell comments from what only looks like one inside of a scalar.
func (t *text) ignores(leaves []Token) []diag.Ignore {
	if !strings.Contains(t.src, diag.IgnoreMark) {
		return nil
	}
	var found []diag.Ignore
	below := 0 // the line below the comments that were looked at last
	for n := range t.lines {
		line := t.line(n + 1)
		if !strings.Contains(line, diag.IgnoreMark) {
			continue
		}
		var at int
		if at, leaves = t.comment(n, leaves); at < 0 {
			continue
		}
		said, ok := strings.CutPrefix(strings.TrimLeft(line[at+1:], " \t"), diag.IgnoreMark)
		if !ok || said != "" && said[0] != ' ' && said[0] != '\t' {
			continue
		}
		start := diag.Pos{Line: n + 1, Col: 1 + utf8.RuneCountInString(line[:at])}
		end := diag.Pos{Line: n + 1, Col: start.Col + utf8.RuneCountInString(line[at:])}
		about := n + 1
		if strings.TrimSpace(line[:at]) == "" {
			if below <= n+1 {
				for below = n + 2; strings.HasPrefix(strings.TrimSpace(t.line(below)), "#"); {
					below++
				}
			}
			about = below
		}
		found = append(found, diag.Ignore{Range: t.rangeOf(start, end), Line: about, Text: said})
	}
	return found
}

// comment gives the byte of line n (from 0) at which its comment begins, or -1,
// and the leaves that matter to the lines below.
func (t *text) comment(n int, leaves []Token) (int, []Token) {
	line := t.line(n + 1)
	for i := range len(line) {
		if line[i] != '#' || i > 0 && line[i-1] != ' ' && line[i-1] != '\t' {
			continue
		}
		at := t.lines[n] + i
		for len(leaves) > 0 && leaves[0].End <= at {
			leaves = leaves[1:]
		}
		if len(leaves) == 0 || at < leaves[0].Offset {
			return i, leaves
		}
	}
	return -1, leaves
}
