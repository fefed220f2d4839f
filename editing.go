package flowrun

import (
	"github.com/flowrun/flowrun/spec"
	"github.com/flowrun/flowrun/spec/format"
)

// Schema is the JSON Schema (draft 2020-12) of specs, for editors: indented JSON.
// It sees structure only; Load checks everything.
func Schema() []byte { return spec.Schema() }

// Format gives a spec's text in flowrun's layout: indentation, spaces and blank
// lines are made uniform, all else stays. What was formatted stays as it is. A
// text that isn't YAML gives a *SpecError; the name is the file's, for it.
func Format(name, text string) (string, error) {
	out, findings := format.Source(name, text)
	if findings.HasErrors() {
		return "", &SpecError{File: name, Diagnostics: findings}
	}
	return out, nil
}
