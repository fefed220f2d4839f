package tree

import (
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// versionDirective is a line like "%YAML 1.2", perhaps with a comment.
var versionDirective = regexp.MustCompile(`^%YAML[ \t]+([0-9]+)\.([0-9]+)[ \t]*(?:[ \t]#.*)?$`)

// withoutVersion gives the text as the YAML library takes it, which knows version
// 1.1 alone: a directive for another version 1.x becomes a comment of the same
// length, so that all places stay. What it says changes nothing: a text is read as
// YAML 1.2, as a reader of that must read 1.1 and 1.3 too. ok is false if a
// directive was reported.
func (t *text) withoutVersion(list *diag.List) (src string, ok bool) {
	if !strings.Contains(t.src, "%YAML") {
		return t.src, true
	}
	seen := 0
	for n := 1; n <= len(t.lines); n++ {
		line := t.line(n)
		switch {
		case strings.HasPrefix(line, "%YAML"):
			at := t.rangeOf(diag.Pos{Line: n, Col: 1}, diag.Pos{Line: n, Col: 1 + len([]rune(strings.TrimRight(line, " \t")))})
			m := versionDirective.FindStringSubmatch(line)
			switch {
			case m == nil:
				list.Add(diag.Diagnostic{Rule: diag.YAMLSyntax, Range: at, Message: "missing YAML version", Help: "write %YAML 1.2, or remove the line"})
				return "", false
			case m[1] != "1":
				list.Add(diag.Diagnostic{Rule: diag.YAMLSyntax, Range: at, Message: "version " + diag.Cut(m[1]+"."+m[2]) + " of YAML is not supported", Help: "write %YAML 1.2, or remove the line"})
				return "", false
			case seen > 0:
				list.Add(diag.Diagnostic{Rule: diag.YAMLSyntax, Range: at, Message: "duplicate %YAML directive", Help: "remove one of them"})
				return "", false
			}
			seen = n
		case line == "" || line[0] == '#' || line[0] == '%' || strings.TrimSpace(line) == "" || strings.HasPrefix(strings.TrimSpace(line), "#"):
		case seen > 0 && line != "---" && !strings.HasPrefix(line, "--- ") && !strings.HasPrefix(line, "---\t"):
			list.Add(diag.Diagnostic{Rule: diag.YAMLSyntax, Range: t.at(diag.Pos{Line: n, Col: 1}),
				Message: "a directive must be followed by a line ---", Help: "insert --- before this line"})
			return "", false
		case seen > 0:
			at := t.lines[seen-1]
			return t.src[:at] + "#" + t.src[at+1:], true
		default:
			return t.src, true // the document has begun; what looks like a directive is none
		}
	}
	return t.src, true // nothing follows: the library says what is missing
}
