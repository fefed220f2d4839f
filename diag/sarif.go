package diag

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	toolName    = "flowrun"
	home        = "https://github.com/flowrun/flowrun"
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

	// What relative URIs are relative to: the folder in which the check ran, as a
	// rule the repository's. GitHub takes this name for it.
	sarifRoot = "%SRCROOT%"
	// GitHub shows 5,000 results of a run and refuses a file with more than 25,000.
	sarifMost = 5000
	// It shows 100 of a result's related locations, and refuses more than 1,000.
	sarifMostRelated = 100
	// It shows that many characters of a rule's descriptions.
	sarifDescription = 1024
)

// WriteSARIF writes the report as SARIF 2.1.0, with the rules that it names, as
// GitHub's code scanning wants it. Columns count characters, and ends are not
// included, as everywhere in diag. Of more than 5,000 findings the gravest are
// written, and how many others there are.
func (r *Report) WriteSARIF(w io.Writer) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: toolName, FullName: toolName + " validate", Version: semantic(r.Version), SemanticVersion: semantic(r.Version),
			InformationURI: home, Rules: []sarifRule{}}},
		Automation:  sarifAutomation{toolName + "/validate/"},
		Invocations: []sarifInvocation{{Successful: len(r.Unread()) == 0}},
		Bases:       map[string]sarifBase{sarifRoot: {sarifMessage{Text: "The folder in which the check ran."}}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []sarifResult{},
	}
	all, left := r.gravest(sarifMost)
	if left > 0 {
		run.Invocations[0].Notifications = []sarifNotification{{"warning", sarifMessage{Text: fmt.Sprintf(
			"There are %d more findings; the first %d errors and warnings are listed.", left, sarifMost)}}}
	}
	index := map[Rule]int{}
	seen := map[string]int{}
	for _, f := range all {
		i, known := index[f.Rule]
		if !known {
			i = len(run.Tool.Driver.Rules)
			index[f.Rule] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, r.sarifRule(f.Rule))
		}
		result := r.sarifResult(f, i)
		result.Fingerprints = fingerprint(f, result, seen)
		run.Results = append(run.Results, result)
	}
	if slices.ContainsFunc(run.Results, sarifResult.leadsOut) && r.Folder != "" {
		run.Invocations[0].Folder = &sarifArtifact{URI: strings.TrimSuffix(fileURI(filepath.ToSlash(r.Folder)), "/") + "/"}
	}
	return encoder(w, "  ").Encode(sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

// found is a diagnostic with the file whose check found it.
type found struct {
	Diagnostic
	in *Checked
}

// gravest gives at most so many findings in their order: errors before warnings
// where there are more.
func (r *Report) gravest(most int) (all []found, left int) {
	for c, d := range r.diagnostics() {
		all = append(all, found{d, c})
	}
	left = max(0, len(all)-most)
	if left > 0 {
		slices.SortStableFunc(all, func(a, b found) int { return int(a.Severity) - int(b.Severity) })
		all = all[:most]
	}
	return all, left
}

// versions are those that SARIF calls semantic, but for Go's v before them.
var versions = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$`)

// semantic gives a version as SARIF wants it; that of a program that was built from
// changed sources comes before all others.
func semantic(version string) string {
	if version = strings.TrimPrefix(version, "v"); versions.MatchString(version) {
		return version
	}
	return "0.0.0-devel"
}

func (r *Report) sarifRule(rule Rule) sarifRule {
	severity := rule.Severity().String()
	s := sarifRule{
		ID:               string(rule),
		Name:             pascal(string(rule)),
		ShortDescription: sarifMessage{Text: sentence(rule.Doc())},
		FullDescription:  sarifMessage{Text: sentence(rule.Doc())},
		Help:             sarifMessage{Text: sentence(rule.Doc())},
		HelpURI:          home + "/blob/main/docs/rules/" + string(rule) + ".md",
		Configuration:    sarifConfiguration{severity},
		Properties:       sarifProperties{[]string{toolName}, "very-high", severity},
	}
	if r.Page == nil {
		return s
	}
	s.Help.Markdown = r.Page(rule)
	// A page is a title, a line that says what the table says, and the explanation.
	if parts := strings.SplitN(s.Help.Markdown, "\n\n", 4); len(parts) > 2 {
		s.FullDescription.Text = head(strings.TrimSpace(parts[2]), sarifDescription-1)
	}
	return s
}

// pascal writes unknown-key as FlowrunUnknownKey: a name must differ from the id,
// also where that is one word.
func pascal(rule string) string {
	b := strings.Builder{}
	b.WriteString("Flowrun")
	for _, word := range strings.Split(rule, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func sentence(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] + "." }

func (r *Report) sarifResult(f found, index int) sarifResult {
	s := sarifResult{RuleID: string(f.Rule), RuleIndex: index, Level: f.Severity.String()}
	text := paragraph(f.Diagnostic, false)
	at := f.Range
	if at.File == "" || isFlag(at.File) { // of the command line: it stands in no file
		text, at = strings.TrimPrefix(printable(at.File)+": ", ": ")+text, Range{File: f.in.File}
	}
	s.Message.Text = sarifText(text)
	s.Locations = []sarifLocation{r.sarifLocation(at)}
	for _, n := range f.Notes {
		if n.Range.Known() && !isFlag(n.Range.File) && len(s.Related) < sarifMostRelated {
			at := r.sarifLocation(n.Range)
			at.ID = len(s.Related) + 1
			at.Message = &sarifMessage{Text: sarifText(printable(n.Message))}
			s.Related = append(s.Related, at)
		}
	}
	return s
}

// isFlag reports whether a text is one of the command line, not a file's.
func isFlag(file string) bool { return strings.HasPrefix(file, "--") && strings.Contains(file, " ") }

// sarifLocation always has a region, without which GitHub shows nothing: what is
// about a whole file stands at its beginning.
func (r *Report) sarifLocation(at Range) sarifLocation {
	region := sarifRegion{StartLine: 1, StartColumn: 1, EndLine: 1, EndColumn: 1}
	if at.Known() {
		region.StartLine, region.StartColumn = at.Start.Line, max(at.Start.Col, 1)
		region.EndLine, region.EndColumn = region.StartLine, region.StartColumn
		if at.Start.Before(at.End) {
			region.EndLine, region.EndColumn = at.End.Line, at.End.Col
		}
	}
	artifact := sarifArtifact{URI: r.uri(at.File), Base: sarifRoot}
	if strings.HasPrefix(artifact.URI, "file:") {
		artifact.Base = ""
	}
	return sarifLocation{Physical: sarifPhysical{artifact, region}}
}

// leadsOut reports whether a result stands in a file outside of the folder.
func (s sarifResult) leadsOut() bool {
	return slices.ContainsFunc(slices.Concat(s.Locations, s.Related), func(l sarifLocation) bool { return l.Physical.Artifact.Base == "" })
}

// uri is a relative reference for a file, or a file: URI for one that lies outside
// of the folder. Where no folder is known, a file is where its name says.
func (r *Report) uri(file string) string {
	name := r.relative(file)
	if (name == ".." || strings.HasPrefix(name, "../")) && r.Folder != "" {
		name = filepath.ToSlash(filepath.Join(r.Folder, filepath.FromSlash(name)))
	}
	return fileURI(name)
}

// fileURI is the URI of a path with slashes, which may be relative.
func fileURI(name string) string {
	u := url.URL{Path: name}
	switch {
	case path.IsAbs(name):
		u.Scheme = "file"
	case filepath.VolumeName(name) != "":
		u.Scheme, u.Path = "file", "/"+name
	}
	return u.String()
}

// fingerprint is what a finding is known by when lines above it come and go: its
// rule, file, message and the text of its line (of a long one what is shown), and which one of those it is.
func fingerprint(f found, s sarifResult, seen map[string]int) map[string]string {
	line, _ := f.in.Findings.excerpt(f.Range)
	parts := []string{s.RuleID, s.Locations[0].Physical.Artifact.URI, s.Message.Text, strings.Join(strings.Fields(line.text), " ")}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	key := hex.EncodeToString(sum[:16])
	seen[key]++
	return map[string]string{toolName + "/v1": fmt.Sprintf("%s:%d", key, seen[key])}
}

// In a SARIF message [text](target) is a link, and {0} an argument. Ours have
// neither; what looks like one is escaped.
var sarifLink = regexp.MustCompile(`\[[^][]*\]\(`)

func sarifText(s string) string {
	return sarifLink.ReplaceAllStringFunc(s, func(link string) string {
		return strings.NewReplacer("[", `\[`, "]", `\]`).Replace(link)
	})
}
