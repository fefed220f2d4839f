package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteGitHub writes the findings as GitHub's workflow commands, which a runner
// shows as annotations of the changed files, then a line that counts.
func (r *Report) WriteGitHub(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, d := range r.diagnostics() {
		fmt.Fprintf(out, "::%s %s::%s\n", d.Severity, r.properties(d), dataEscapes.Replace(paragraph(d, true)))
	}
	fmt.Fprintln(out, r.Summary())
	return out.Flush()
}

// properties say where an annotation stands. A runner refuses columns of ranges
// over several lines.
func (r *Report) properties(d Diagnostic) string {
	var p []string
	add := func(name string, value any) { p = append(p, name+"="+propertyEscapes.Replace(fmt.Sprint(value))) }
	if d.Range.File != "" {
		add("file", r.relative(d.Range.File))
	}
	if at := d.Range; at.Known() {
		add("line", at.Start.Line)
		if !at.End.Before(at.Start) {
			add("endLine", at.End.Line)
		}
		if at.End.Line <= at.Start.Line {
			add("col", at.Start.Col)
		}
		if at.End.Line == at.Start.Line && at.End.Col >= at.Start.Col {
			add("endColumn", at.End.Col)
		}
	}
	add("title", string(d.Rule))
	return strings.Join(p, ",")
}

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
