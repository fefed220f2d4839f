package tree

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
)

// The bounds of a spec's text.
const (
	MaxBytes   = 8 << 20
	MaxEntries = 100_000 // lines, and entries of flow collections
	MaxDepth   = 64
)

// What reading costs.
const (
	byteCost  = 8 + 3*diag.KeptByte      // a byte, which is kept
	entryCost = 1000 + 500*diag.KeptByte // a line or an entry, which may be a key and a value
	placeCost = 16 * diag.KeptByte       // the position of a folded or escaped character
)

// checkText refuses what no YAML parser should be given. Afterwards every line
// break is a '\n', perhaps after a '\r'.
func checkText(t *text, list *diag.List) bool {
	if len(t.src) > MaxBytes {
		list.Add(diag.Diagnostic{Rule: diag.TooLarge, Range: diag.Range{File: t.file},
			Message: "the file is larger than 8 MiB",
			Help:    "move data into separate files"})
		return false
	}
	if !t.isSpec(list) {
		return false
	}
	entries, pos := 0, diag.Pos{Line: 1, Col: 1}
	for i, r := range t.src {
		switch {
		case r == '\n' || r == ',' || r == '[' || r == '{':
			entries++
			if entries > MaxEntries {
				list.Add(diag.Diagnostic{Rule: diag.TooLarge, Range: t.at(pos),
					Message: "the file has more than 100,000 lines and entries",
					Help:    "use `repeat` for repeated modules, and move data into separate files"})
				return false
			}
		case r == utf8.RuneError && !strings.HasPrefix(t.src[i:], "\uFFFD"):
			list.Add(diag.Diagnostic{Rule: diag.InvalidText, Range: t.at(pos), Message: fmt.Sprintf("byte 0x%02x is not UTF-8", t.src[i]), Help: "save the file as UTF-8"})
			return false
		case r == '\r' && !strings.HasPrefix(t.src[i+1:], "\n"):
			list.Errorf(diag.InvalidText, t.at(pos), "carriage return without a line feed")
			return false
		case r < ' ' && r != '\t' && r != '\r', r == 0x7f, 0x80 <= r && r <= 0x9f,
			r == '\u2028', r == '\u2029', r == '\ufeff', r == '\ufffe', r == '\uffff':
			d := diag.Diagnostic{Rule: diag.InvalidText, Range: t.at(pos), Message: fmt.Sprintf("character U+%04X is not allowed", r), Help: "remove it"}
			if foreign.IsInvisible(r) {
				d.Message = foreign.Describe(r) + ", is not allowed"
			}
			if lines := t.linesWith(r); lines > 1 {
				d.Message += fmt.Sprintf("; it occurs on %d lines", lines)
			}
			list.Add(d)
			return false
		}
		pos = next(pos, r)
	}
	list.Budget.Spend(diag.Reading, entryCost*(1+entries))
	return true
}

// isSpec refuses a text that is a file of another kind, or is left over from a
// merge.
func (t *text) isSpec(list *diag.List) bool {
	if content, ok := foreign.Recognize([]byte(t.src[:min(len(t.src), 256)])); ok {
		list.Add(diag.Diagnostic{Rule: diag.InvalidText, Range: t.at(diag.Pos{Line: 1, Col: 1}), Message: "not a spec: the file is " + content.What, Help: content.Help})
		return false
	}
	begins := "<<<<<<< "
	if !strings.Contains(t.src, begins) {
		begins = ">>>>>>> " // the rest of one
	}
	conflicts, first := 0, 0
	for n := range t.lines {
		if strings.HasPrefix(t.line(n+1), begins) {
			if conflicts++; conflicts == 1 {
				first = n + 1
			}
		}
	}
	if conflicts == 0 {
		return true
	}
	message := "unresolved merge conflict"
	if conflicts > 1 {
		message = fmt.Sprintf("%d unresolved merge conflicts; this is the first", conflicts)
	}
	list.Add(diag.Diagnostic{Rule: diag.YAMLSyntax, Range: t.rangeOf(diag.Pos{Line: first, Col: 1}, diag.Pos{Line: first, Col: 8}), Message: message,
		Help: "keep the lines above or below `=======`, and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`"})
	return false
}

// versionDirective is a line like "%YAML 1.2", perhaps with a comment.
var versionDirective = regexp.MustCompile(`^%YAML[ \t]+([0-9]+)\.([0-9]+)[ \t]*(?:[ \t]#.*)?$`)

// withoutVersion gives the text as the YAML library takes it, which knows version 1.1 alone:
// a directive for another version 1.x becomes a comment of the same length. Any text is read
// as YAML 1.2, whose readers must read 1.1 and 1.3 too. ok is false if a directive was
// reported.
func (t *text) withoutVersion(list *diag.List) (src string, ok bool) {
	if !strings.Contains(t.src, "%YAML") {
		return t.src, true
	}
	seen := 0
	for n := 1; n <= len(t.lines); n++ {
		line := t.line(n)
		switch {
		case strings.HasPrefix(line, "%YAML"):
			width := utf8.RuneCountInString(strings.TrimRight(line, " \t"))
			at := t.rangeOf(diag.Pos{Line: n, Col: 1}, diag.Pos{Line: n, Col: 1 + width})
			d := diag.Diagnostic{Rule: diag.YAMLSyntax, Range: at, Help: "write %YAML 1.2, or remove the line"}
			switch m := versionDirective.FindStringSubmatch(line); {
			case m == nil:
				d.Message = "missing YAML version"
			case m[1] != "1":
				d.Message = "version " + diag.Cut(m[1]+"."+m[2]) + " of YAML is not supported"
			case seen > 0:
				d.Message, d.Help = "duplicate %YAML directive", "remove one of them"
			}
			if d.Message != "" {
				list.Add(d)
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
