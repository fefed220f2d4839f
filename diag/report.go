package diag

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"
)

// Report is what a check of several files found.
type Report struct {
	Version string    // of the program that checked
	Folder  string    // absolute: paths inside of it are written relative to it where a format wants that
	Strict  bool      // warnings are problems too
	Skipped int       // YAML files that were passed over because they are no specs
	Checked []Checked // in the order of the output

	// Page gives the documentation of a rule, as Markdown; it may be nil.
	Page func(Rule) string
}

// Checked is a file with what was found in it and in the files that it imports.
type Checked struct {
	File     string
	Findings List
}

// The formats of a report.
const (
	Text   = "text"   // for people, without colour
	JSON   = "json"   // one document
	JSONL  = "jsonl"  // one diagnostic a line
	SARIF  = "sarif"  // version 2.1.0
	GitHub = "github" // annotations, as workflow commands
	JUnit  = "junit"  // XML
)

// Formats lists the formats.
func Formats() []string { return []string{Text, JSON, JSONL, SARIF, GitHub, JUnit} }

// Write writes the report in one of the formats; another name is an error.
func (r *Report) Write(w io.Writer, format string) error {
	write := map[string]func(io.Writer) error{
		Text: func(w io.Writer) error { return r.WriteText(w, false) },
		JSON: r.WriteJSON, JSONL: r.WriteJSONL, SARIF: r.WriteSARIF, GitHub: r.WriteGitHub, JUnit: r.WriteJUnit,
	}[format]
	if write == nil {
		return fmt.Errorf("unknown format %q; the formats are %s", format, strings.Join(Formats(), ", "))
	}
	return write(w)
}

// WriteText renders the findings for people, then a line that counts.
func (r *Report) WriteText(w io.Writer, colour bool) error {
	one := List{}
	for c, d := range r.diagnostics() {
		one.Sources, one.Items = c.Findings.Sources, []Diagnostic{d}
		if err := one.WriteText(w, colour); err != nil {
			return err
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, r.Summary())
	return err
}

// Summary counts, in one line: "12 specs valid, 1 with problems (2 errors)".
func (r *Report) Summary() string {
	var b strings.Builder
	valid := len(r.Checked) - r.Failed()
	fmt.Fprintf(&b, "%s valid", Count(valid, "spec"))
	if n := r.Failed(); n > 0 {
		fmt.Fprintf(&b, ", %d with problems", n)
	}
	errors, warnings := r.Count()
	var counts []string
	if errors > 0 {
		counts = append(counts, Count(errors, "error"))
	}
	if warnings > 0 {
		counts = append(counts, Count(warnings, "warning"))
	}
	if len(counts) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(counts, ", "))
	}
	if r.Skipped > 0 {
		fmt.Fprintf(&b, "; %s without a top-level `flowrun:` skipped", Count(r.Skipped, "YAML file"))
	}
	return b.String()
}

// Failed is the number of files with problems.
func (r *Report) Failed() int {
	n := 0
	for _, c := range r.Checked {
		if !r.passes(c) {
			n++
		}
	}
	return n
}

func (r *Report) passes(c Checked) bool {
	return !c.Findings.HasErrors() && (!r.Strict || len(c.Findings.Items) == 0)
}

// Unread lists the files that could not be read: of those to check, or that they
// need.
func (r *Report) Unread() []string {
	var files []string
	for _, c := range r.Checked {
		i := slices.IndexFunc(c.Findings.Items, func(d Diagnostic) bool { return d.Rule == Unreadable })
		if i < 0 {
			continue
		}
		file := c.File
		if d := c.Findings.Items[i]; !d.Range.Known() && d.Range.File != "" {
			file = d.Range.File // of vars, say
		}
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	return files
}

// Count gives the numbers of errors and of warnings.
func (r *Report) Count() (errors, warnings int) {
	for _, d := range r.diagnostics() {
		if d.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

// diagnostics gives every diagnostic once, with the file whose check found it:
// several may import the same faulty one.
func (r *Report) diagnostics() iter.Seq2[*Checked, Diagnostic] {
	return func(yield func(*Checked, Diagnostic) bool) {
		seen := map[key]bool{}
		for i := range r.Checked {
			c := &r.Checked[i]
			for _, d := range c.Findings.Items {
				k := key{d.Rule, d.Range, d.Message}
				if seen[k] {
					continue
				}
				seen[k] = true
				if !yield(c, d) {
					return
				}
			}
		}
	}
}

// relative gives a file's path as tools that know the repository's folder want
// it: with slashes, and relative where it lies inside.
func (r *Report) relative(file string) string {
	if filepath.IsAbs(file) && r.Folder != "" {
		if inside, err := filepath.Rel(r.Folder, file); err == nil && filepath.IsLocal(inside) {
			file = inside
		}
	}
	return filepath.ToSlash(filepath.Clean(file))
}

// paragraph is a diagnostic's message with what else it has to say, a fact a
// line. Notes with a place are left out where the format has a way for them.
func paragraph(d Diagnostic, placed bool) string {
	lines := []string{printable(d.Message)}
	for _, n := range d.Notes {
		switch {
		case !n.Range.Known():
			lines = append(lines, printable(n.Message))
		case placed:
			lines = append(lines, printable(n.Message)+" ("+printable(n.Range.String())+")")
		}
	}
	if d.Help != "" {
		lines = append(lines, "help: "+printable(d.Help))
	}
	return strings.Join(lines, "\n")
}

// UnreadableFile is the finding that a file can't be read.
func UnreadableFile(name string, err error) (l List) {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	l.Errorf(Unreadable, Range{File: name}, "%s", err)
	return l
}
