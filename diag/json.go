package diag

import (
	"encoding/json"
	"io"
)

// The JSON forms. Their fields are documented in docs/ci.md and keep their
// names; new ones may join them.
type (
	jsonReport struct {
		Version     int              `json:"version"` // of this form
		Tool        jsonTool         `json:"tool"`
		Summary     jsonSummary      `json:"summary"`
		Files       []jsonFile       `json:"files"`
		Diagnostics []jsonDiagnostic `json:"diagnostics"`
	}
	jsonTool struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	jsonSummary struct {
		Valid    int  `json:"valid"`
		Invalid  int  `json:"invalid"`
		Skipped  int  `json:"skipped"`
		Errors   int  `json:"errors"`
		Warnings int  `json:"warnings"`
		Strict   bool `json:"strict"`
	}
	jsonFile struct {
		File     string `json:"file"`
		Valid    bool   `json:"valid"`
		Errors   int    `json:"errors"`
		Warnings int    `json:"warnings"`
	}
	jsonDiagnostic struct {
		jsonRange
		Severity string     `json:"severity"`
		Rule     string     `json:"rule"`
		Message  string     `json:"message"`
		Notes    []jsonNote `json:"notes,omitempty"`
		Help     string     `json:"help,omitempty"`
	}
	jsonNote struct {
		jsonRange
		Message string `json:"message"`
	}
	jsonRange struct {
		File      string `json:"file,omitempty"`
		Line      int    `json:"line,omitempty"`
		Column    int    `json:"column,omitempty"`
		EndLine   int    `json:"end_line,omitempty"`
		EndColumn int    `json:"end_column,omitempty"`
	}
)

// WriteJSON writes the report as one JSON document.
func (r *Report) WriteJSON(w io.Writer) error {
	errors, warnings := r.Count()
	doc := jsonReport{
		Version: 1,
		Tool:    jsonTool{toolName, r.Version},
		Summary: jsonSummary{Valid: len(r.Checked) - r.Failed(), Invalid: r.Failed(), Skipped: r.Skipped,
			Errors: errors, Warnings: warnings, Strict: r.Strict},
		Files:       make([]jsonFile, len(r.Checked)),
		Diagnostics: []jsonDiagnostic{},
	}
	for i, c := range r.Checked {
		e, w := c.Findings.Count()
		doc.Files[i] = jsonFile{c.File, r.passes(c), e, w}
	}
	for _, d := range r.diagnostics() {
		doc.Diagnostics = append(doc.Diagnostics, jsonOf(d))
	}
	return encoder(w, "  ").Encode(doc)
}

// WriteJSONL writes the diagnostics, each as a JSON object on a line of its own;
// nothing if there are none.
func (r *Report) WriteJSONL(w io.Writer) error {
	e := encoder(w, "")
	for _, d := range r.diagnostics() {
		if err := e.Encode(jsonOf(d)); err != nil {
			return err
		}
	}
	return nil
}

func encoder(w io.Writer, indent string) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e
}

func jsonOf(d Diagnostic) jsonDiagnostic {
	j := jsonDiagnostic{jsonRange: jsonRangeOf(d.Range), Severity: d.Severity.String(), Rule: string(d.Rule),
		Message: d.Message, Help: d.Help}
	for _, n := range d.Notes {
		j.Notes = append(j.Notes, jsonNote{jsonRangeOf(n.Range), n.Message})
	}
	return j
}

func jsonRangeOf(r Range) jsonRange {
	j := jsonRange{File: r.File}
	if r.Known() {
		j.Line, j.Column = r.Start.Line, r.Start.Col
		if !r.End.Before(r.Start) {
			j.EndLine, j.EndColumn = r.End.Line, r.End.Col
		}
	}
	return j
}
