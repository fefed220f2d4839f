package diag

import (
	"io"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	toolName    = "flowrun"
	home        = "https://github.com/flowrun/flowrun"
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// The part of SARIF 2.1.0 (OASIS, with errata 01) that a report needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string             `json:"id"`
		ShortDescription sarifMessage       `json:"shortDescription"`
		Help             sarifMessage       `json:"help"`
		HelpURI          string             `json:"helpUri"`
		Configuration    sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifInvocation struct {
		Successful bool `json:"executionSuccessful"`
	}
	sarifMessage struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		ID       int           `json:"id,omitempty"`
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifMessage `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
)

// WriteSARIF writes the report as SARIF 2.1.0, with the rules that it names.
// Columns count characters, and ends are not included, as everywhere in diag.
func (r *Report) WriteSARIF(w io.Writer) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: toolName, Version: r.Version, InformationURI: home,
			Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{len(r.Unread()) == 0}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []sarifResult{},
	}
	index := map[Rule]int{}
	for _, d := range r.diagnostics() {
		i, known := index[d.Rule]
		if !known {
			i = len(run.Tool.Driver.Rules)
			index[d.Rule] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, r.sarifRule(d.Rule))
		}
		run.Results = append(run.Results, r.sarifResult(d, i))
	}
	return encoder(w, "  ").Encode(sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

func (r *Report) sarifRule(rule Rule) sarifRule {
	s := sarifRule{
		ID:               string(rule),
		ShortDescription: sarifMessage{Text: rule.Doc()},
		Help:             sarifMessage{Text: rule.Doc()},
		HelpURI:          home + "/blob/main/docs/rules/" + string(rule) + ".md",
		Configuration:    sarifConfiguration{rule.Severity().String()},
	}
	if r.Page != nil {
		s.Help.Markdown = r.Page(rule)
	}
	return s
}

func (r *Report) sarifResult(d Diagnostic, index int) sarifResult {
	s := sarifResult{RuleID: string(d.Rule), RuleIndex: index, Level: d.Severity.String(),
		Message: sarifMessage{Text: sarifText(paragraph(d, false))}}
	if d.Range.File != "" {
		s.Locations = []sarifLocation{r.sarifLocation(d.Range)}
	}
	for _, n := range d.Notes {
		if n.Range.Known() {
			at := r.sarifLocation(n.Range)
			at.ID = len(s.Related) + 1
			at.Message = &sarifMessage{Text: sarifText(printable(n.Message))}
			s.Related = append(s.Related, at)
		}
	}
	return s
}

func (r *Report) sarifLocation(at Range) sarifLocation {
	l := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{r.uri(at.File)}}}
	if at.Known() {
		l.Physical.Region = &sarifRegion{StartLine: at.Start.Line, StartColumn: max(at.Start.Col, 1)}
		if !at.End.Before(at.Start) {
			l.Physical.Region.EndLine, l.Physical.Region.EndColumn = at.End.Line, at.End.Col
		}
	}
	return l
}

// uri is a relative reference for a file, or a file: URI for one that lies
// outside of the report's folder.
func (r *Report) uri(file string) string {
	name := r.relative(file)
	u := url.URL{Path: name}
	switch {
	case path.IsAbs(name):
		u.Scheme = "file"
	case filepath.VolumeName(name) != "":
		u.Scheme, u.Path = "file", "/"+name
	}
	return u.String()
}

// In a SARIF message [text](target) is a link, and {0} an argument. Ours have
// neither; what looks like one is escaped.
var sarifLink = regexp.MustCompile(`\[[^][]*\]\(`)

func sarifText(s string) string {
	return sarifLink.ReplaceAllStringFunc(s, func(link string) string {
		return strings.NewReplacer("[", `\[`, "]", `\]`).Replace(link)
	})
}
