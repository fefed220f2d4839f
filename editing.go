package flowrun

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
	"github.com/flowrun/flowrun/spec/format"
)

// Schema is the JSON Schema (draft 2020-12) of specs, for editors: indented JSON.
// It sees structure only; Load checks everything.
func Schema() []byte { return spec.Schema() }

// Format gives a spec's text in flowrun's layout: indentation, spaces and blank
// lines are made uniform, all else stays. What was formatted stays as it is. A
// text that isn't YAML gives a *SpecError; the name is the file's, for it. A text
// that can't be laid out is given back as it is, with a *KeptError.
func Format(name, text string) (string, error) {
	out, kept, findings := format.Source(name, text)
	if findings.HasErrors() {
		return "", &SpecError{File: name, Diagnostics: findings}
	}
	if kept != "" {
		return text, &KeptError{Reason: kept}
	}
	return out, nil
}

// KeptError says that a text was given back as it is, and why.
type KeptError struct{ Reason string }

func (e *KeptError) Error() string { return "the text was left as it is: " + e.Reason }

// ParseInt reads an int as a spec's keys take it: decimal (010 is ten), 0x1F, 0o17,
// or a float without a fraction (1e3). The error says what is wrong with the text,
// which it doesn't repeat: "is not an integer".
func ParseInt(text string) (int64, error) { return spec.ParseInt(text) }

// Cut is a text that somebody else wrote as messages show it: its beginning, with
// an escape sequence for each character that can't be printed.
func Cut(text string) string { return diag.Cut(text) }

// CutPath is Cut for a path: of a long one the middle is left out.
func CutPath(path string) string { return diag.CutPath(path) }

// Printable makes a message fit for a terminal: all that can't be printed is
// escaped, but for line feeds, and what is very long is cut.
func Printable(message string) string { return diag.Printable(message) }
