package diag

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// IgnoreMark begins a comment that accepts a warning.
const IgnoreMark = "flowrun:ignore"

// Ignore is a comment "# flowrun:ignore RULE reason": the warnings of one rule
// on one line are known, and meant to be.
type Ignore struct {
	Range Range  // of the comment
	Line  int    // whose warnings it accepts
	Text  string // what stands after the mark
}

// ApplyIgnores takes out the warnings that comments accept, and reports comments
// that are invalid or accept nothing. Those that accept nothing are reported
// only in the given file, as those of a file that it imports may be for others;
// and only if there are no errors: with errors, not everything was looked at.
func (l *List) ApplyIgnores(file string) {
	ignores, errors := l.Ignores, l.HasErrors()
	l.Ignores = nil
	for _, i := range ignores {
		if l.Full() {
			return
		}
		rule, fault := i.rule()
		if fault != nil {
			l.Add(*fault)
			continue
		}
		before := len(l.Items)
		l.Items = slices.DeleteFunc(l.Items, func(d Diagnostic) bool {
			return d.Rule == rule && d.Range.File == i.Range.File && d.Range.Start.Line == i.Line
		})
		if len(l.Items) == before && !errors && i.Range.File == file {
			l.Add(Diagnostic{Rule: UnusedIgnore, Range: i.Range,
				Message: fmt.Sprintf("no %s warning on line %d to ignore", rule, i.Line),
				Help:    "remove the comment, or move it to the line of the warning, or alone to the line above"})
		}
	}
}

// rule gives the rule that the comment names, or what is wrong with it.
func (i Ignore) rule() (Rule, *Diagnostic) {
	text := strings.TrimSpace(i.Text)
	name, reason := text, ""
	if at := strings.IndexFunc(text, unicode.IsSpace); at >= 0 {
		name, reason = text[:at], strings.TrimSpace(text[at:])
	}
	rule := Rule(name)
	d := &Diagnostic{Rule: InvalidIgnore, Range: i.Range, Help: "write # " + IgnoreMark + " RULE reason"}
	switch {
	case name == "":
		d.Message = "missing name of the rule to ignore"
	case rule.Doc() == "":
		d.Message = fmt.Sprintf("unknown lint rule `%s`", name)
		var names []string
		for _, r := range Rules() {
			names = append(names, string(r))
		}
		if help := Suggestion(name, names); help != "" {
			d.Help = help
		}
	case rule.Severity() == Error:
		d.Message = fmt.Sprintf("%s is an error and can't be ignored", rule)
		d.Help = "only warnings can be ignored"
	case rule == InvalidIgnore || rule == UnusedIgnore:
		d.Message = fmt.Sprintf("%s can't be ignored", rule)
		d.Help = "remove the comment"
	case reason == "":
		d.Message = "missing reason for ignoring the warning"
	default:
		return rule, nil
	}
	return "", d
}
