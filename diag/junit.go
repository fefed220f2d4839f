package diag

import (
	"encoding/xml"
	"fmt"
	"io"
)

// The XML that test reporters read: a file is a test, which fails if it has
// problems.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		File      string        `xml:"file,attr"`
		Error     *junitProblem `xml:"error"`
		Failure   *junitProblem `xml:"failure"`
		Output    string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes a JUnit report: each file is a test. Problems are a failure
// of it, a file that can't be read is an error, mere warnings are its output.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junitSuite{Name: toolName + " validate", Tests: len(r.Checked)}
	for _, c := range r.Checked {
		test := junitCase{Name: c.File, ClassName: toolName + ".validate", File: r.relative(c.File)}
		switch problem := r.junitProblem(c); {
		case problem == nil:
			test.Output = c.Findings.Text()
		case problem.Type == string(Unreadable):
			suite.Errors++
			test.Error = problem
		default:
			suite.Failures++
			test.Failure = problem
		}
		suite.Cases = append(suite.Cases, test)
	}
	doc := junitSuites{Name: suite.Name, Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors,
		Suites: []junitSuite{suite}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junitProblem tells of the first problem of a file in a line, and of all in
// full; nil for a file that passes.
func (r *Report) junitProblem(c Checked) *junitProblem {
	if r.passes(c) {
		return nil
	}
	first := c.Findings.Items[0]
	for _, d := range c.Findings.Items {
		if d.Severity < first.Severity {
			first = d
		}
	}
	message := printable(first.Message)
	if n := len(c.Findings.Items); n > 1 {
		message += fmt.Sprintf(" (and %d more)", n-1)
	}
	return &junitProblem{Message: message, Type: string(first.Rule), Text: c.Findings.Text()}
}
