package flowrun

import (
	"errors"
	"io/fs"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/docs/rules"
	"github.com/flowrun/flowrun/spec"
	"github.com/flowrun/flowrun/spec/tree"
)

// The types that a check of many specs gives.
type (
	// Findings are diagnostics with the texts that they point into.
	Findings = diag.List
	// Report is what a check of several files found, in several formats.
	Report = diag.Report
	// Checked is a file of a report.
	Checked = diag.Checked
	// Rule is the stable name of a kind of problem.
	Rule = diag.Rule
)

// Check does everything that Load does before anything runs, and gives all
// findings, warnings too. A file of modules is checked as an import does. A file
// that can't be read is the one finding "unreadable". It may be called from
// several goroutines.
func Check(path string, options ...LoadOption) Findings {
	src, err := ReadSpec(path)
	if err != nil {
		return Unreadable(path, err)
	}
	return CheckText(path, src, options...)
}

// CheckText is Check for a text in memory, as Parse is Load.
func CheckText(name string, src []byte, options ...LoadOption) Findings {
	o, err := gather(options)
	if err != nil {
		return Unreadable(name, err)
	}
	if spec.IsModules(src) {
		return spec.ParseModules(name, src, o.spec)
	}
	p, err := inspect(func(o spec.Options) (*spec.Program, diag.List) { return spec.Parse(name, src, o) }, options)
	if err != nil {
		p.findings.Merge(Unreadable(name, err))
	}
	return p.findings
}

// Unreadable is the finding that a file can't be read.
func Unreadable(name string, err error) Findings {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	var l Findings
	l.Errorf(diag.Unreadable, diag.Range{File: name}, "%s", err)
	return l
}

// MaxSpecBytes is how long a spec may be.
const MaxSpecBytes = tree.MaxBytes

// ReadSpec reads a file up to a little more than MaxSpecBytes, so that a longer
// one is refused without being read whole.
func ReadSpec(path string) ([]byte, error) { return spec.ReadFile(path) }

// Rules lists all rules by name.
func Rules() []Rule { return diag.Rules() }

// RulePage gives the documentation of a rule, as Markdown; "" for a name that is
// no rule.
func RulePage(r Rule) string { return rules.Page(string(r)) }

// ReportFormats lists the formats in which a Report can be written.
func ReportFormats() []string { return diag.Formats() }

// SuggestRule asks whether a rule was meant whose name is like the one given;
// "" if none is.
func SuggestRule(name string) string {
	var names []string
	for _, r := range diag.Rules() {
		names = append(names, string(r))
	}
	return Suggestion(name, names)
}

// Suggestion is "did you mean …?" for a name that isn't one of those there are,
// or "" if none is near.
func Suggestion(name string, names []string) string { return diag.Suggestion(name, names) }
