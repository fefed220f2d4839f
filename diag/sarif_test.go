package diag_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
)

type region struct{ StartLine, StartColumn, EndLine, EndColumn int }

type location struct {
	ID               int
	PhysicalLocation struct {
		ArtifactLocation struct{ URI, URIBaseID string }
		Region           *region
	}
	Message *struct{ Text string }
}

type sarif struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name, Version, SemanticVersion, InformationURI string
				Rules                                          []struct {
					ID, Name                                string
					ShortDescription, FullDescription, Help struct{ Text, Markdown string }
					HelpURI                                 string
				}
			}
		}
		AutomationDetails  struct{ ID string }
		OriginalURIBaseIDs map[string]any
		Invocations        []struct {
			ExecutionSuccessful        *bool
			WorkingDirectory           *struct{ URI string }
			ToolExecutionNotifications []struct{ Message struct{ Text string } }
		}
		ColumnKind string
		Results    []struct {
			RuleID              string
			RuleIndex           *int
			Level               string
			Message             struct{ Text string }
			Locations           []location
			RelatedLocations    []location
			PartialFingerprints map[string]string
		}
	}
}

func TestSARIFKeepsItsRules(t *testing.T) {
	var log sarif
	require.NoError(t, json.Unmarshal([]byte(written(t, hostile(), diag.SARIF)), &log))
	require.Equal(t, "2.1.0", log.Version)
	require.True(t, strings.HasSuffix(log.Schema, "/sarif-schema-2.1.0.json"))
	require.Len(t, log.Runs, 1)
	run := log.Runs[0]
	driver := run.Tool.Driver
	require.Equal(t, []string{"flowrun", "1.2.3", "1.2.3"}, []string{driver.Name, driver.Version, driver.SemanticVersion})
	require.Equal(t, "flowrun/validate/", run.AutomationDetails.ID)
	require.Contains(t, run.OriginalURIBaseIDs, "%SRCROOT%")
	require.Equal(t, "file:///repo/", run.Invocations[0].WorkingDirectory.URI, "a file lies outside of it")
	require.Equal(t, "unicodeCodePoints", run.ColumnKind)
	require.False(t, *run.Invocations[0].ExecutionSuccessful, "a file was not read")
	seen := map[string]bool{}
	for _, r := range driver.Rules {
		require.False(t, seen[r.ID], "a rule stands twice")
		seen[r.ID] = true
		require.NotEmpty(t, r.ShortDescription.Text)
		require.NotEmpty(t, r.FullDescription.Text)
		require.Regexp(t, "^([A-Z][a-z]+)+$", r.Name)
		require.False(t, strings.EqualFold(r.Name, r.ID))
		require.NotEmpty(t, r.Help.Text)
		require.Equal(t, "# "+r.ID+"\n", r.Help.Markdown)
		for _, uri := range []string{r.HelpURI, driver.InformationURI} {
			u, err := url.Parse(uri)
			require.NoError(t, err)
			require.True(t, u.IsAbs())
		}
	}
	require.Len(t, run.Results, 7)
	prints := map[string]bool{}
	for _, r := range run.Results {
		require.NotEmpty(t, r.Locations, "GitHub shows nothing without a place")
		require.Len(t, r.PartialFingerprints, 1)
		require.False(t, prints[r.PartialFingerprints["flowrun/v1"]])
		prints[r.PartialFingerprints["flowrun/v1"]] = true
		require.Equal(t, driver.Rules[*r.RuleIndex].ID, r.RuleID)
		require.Equal(t, diag.Rule(r.RuleID).Severity().String(), r.Level)
		require.NotEmpty(t, r.Message.Text)
		for i, l := range append(r.Locations, r.RelatedLocations...) {
			u, err := url.Parse(l.PhysicalLocation.ArtifactLocation.URI)
			require.NoError(t, err)
			require.Equal(t, strings.Contains(u.Path, "elsewhere"), u.IsAbs(), "what lies inside the folder is relative")
			require.Equal(t, u.IsAbs(), l.PhysicalLocation.ArtifactLocation.URIBaseID == "")
			at := l.PhysicalLocation.Region
			require.NotNil(t, at)
			require.GreaterOrEqual(t, at.StartLine, 1)
			require.GreaterOrEqual(t, at.StartColumn, 1)
			require.GreaterOrEqual(t, at.EndLine, at.StartLine)
			require.True(t, at.EndLine > at.StartLine || at.EndColumn >= at.StartColumn)
			if i >= len(r.Locations) {
				require.NotZero(t, l.ID)
				require.NotEmpty(t, l.Message.Text)
			}
		}
	}
	first := run.Results[0]
	require.Contains(t, first.Message.Text, `\[a\](b)`, "no link")
	require.Contains(t, first.Message.Text, "\nsecond, no place\nhelp: write `{SGD: {lr: 0.1}}`")
	u, err := url.Parse(first.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	require.NoError(t, err)
	require.Equal(t, "odd/a,b:c%0A\n\x1b[31m<&\"'>]]>.yaml", u.Path)
	require.Equal(t, &region{2, 7, 2, 12}, first.Locations[0].PhysicalLocation.Region)
	require.Equal(t, "in/warned.yaml", run.Results[5].Locations[0].PhysicalLocation.ArtifactLocation.URI)
	require.Equal(t, "file:///elsewhere/x%20y.yaml", run.Results[6].Locations[0].PhysicalLocation.ArtifactLocation.URI)
	require.Equal(t, &region{1, 1, 1, 1}, run.Results[6].Locations[0].PhysicalLocation.Region)
}

func TestSARIFIsValidByThePublishedSchema(t *testing.T) {
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(publishedSchema(t)))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.AssertFormat()
	require.NoError(t, c.AddResource("sarif.json", schema))
	compiled, err := c.Compile("sarif.json")
	require.NoError(t, err)
	for _, report := range []*diag.Report{hostile(), {}} {
		log, err := jsonschema.UnmarshalJSON(strings.NewReader(written(t, report, diag.SARIF)))
		require.NoError(t, err)
		require.NoError(t, compiled.Validate(log))
	}
	broken := strings.Replace(written(t, hostile(), diag.SARIF), `"startLine": 2`, `"startLine": 0`, 1)
	log, err := jsonschema.UnmarshalJSON(strings.NewReader(broken))
	require.NoError(t, err)
	require.Error(t, compiled.Validate(log), "the schema is looked at")
}

// GitHub refuses a file with too many results, and shows 5,000.
func TestSARIFListsErrorsFirstIfThereAreTooMany(t *testing.T) {
	report := &diag.Report{Version: "(devel)", Folder: "/repo"}
	for i := range 60 {
		var l diag.List
		for line := range 100 {
			rule := diag.UnusedVar
			if (i*100+line)%3 == 0 {
				rule = diag.UnknownName
			}
			d := diag.Diagnostic{Rule: rule, Range: at("a.yaml", line+1, 1, 2), Message: strconv.Itoa(i)}
			if line == 0 {
				d.Notes = slices.Repeat([]diag.Note{{Message: "a note", Range: at("a.yaml", 1, 1, 2)}}, 200)
			}
			l.Add(d)
		}
		report.Checked = append(report.Checked, diag.Checked{File: "a.yaml", Findings: l})
	}
	var log sarif
	require.NoError(t, json.Unmarshal([]byte(written(t, report, diag.SARIF)), &log))
	run := log.Runs[0]
	require.Len(t, run.Results, 5000)
	errors := 0
	for _, r := range run.Results {
		if r.Level == "error" {
			errors++
		}
		require.LessOrEqual(t, len(r.RelatedLocations), 100)
	}
	require.Equal(t, 2000, errors, "all of them")
	require.Contains(t, run.Invocations[0].ToolExecutionNotifications[0].Message.Text, "1000 more findings")
	require.Equal(t, "0.0.0-devel", run.Tool.Driver.SemanticVersion)
	require.Nil(t, run.Invocations[0].WorkingDirectory, "nothing lies outside of it")
}

// What stands on the command line has its place in the spec that it is for; a path
// that leads out of the folder is no relative reference.
func TestSARIFHasAPlaceInAFileForEveryFinding(t *testing.T) {
	var l diag.List
	l.Add(diag.Diagnostic{Rule: diag.UnknownVar, Range: at("--set lr", 1, 1, 2), Message: "no var"})
	l.Add(diag.Diagnostic{Rule: diag.UnknownName, Range: at("../lib/x.yaml", 1, 1, 2), Message: "no name"})
	report := &diag.Report{Folder: "/repo/sub", Checked: []diag.Checked{{File: "a.yaml", Findings: l}}}
	var log sarif
	require.NoError(t, json.Unmarshal([]byte(written(t, report, diag.SARIF)), &log))
	results := log.Runs[0].Results
	require.Equal(t, "a.yaml", results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI)
	require.Equal(t, "--set lr: no var", results[0].Message.Text)
	require.Equal(t, "file:///repo/lib/x.yaml", results[1].Locations[0].PhysicalLocation.ArtifactLocation.URI)
}

// A finding is the same one when lines above it come and go.
func TestSARIFFingerprintsDontMoveWithLines(t *testing.T) {
	prints := func(before string) (all []string) {
		var l diag.List
		line := strings.Count(before, "\n") + 1
		l.AddSource("a.yaml", before+"a: x\n b: x\nc: y\na: x\n")
		for i := range 4 {
			l.Add(diag.Diagnostic{Rule: diag.UnknownName, Range: at("a.yaml", line+i, 4, 5), Message: "no name"})
		}
		var log sarif
		require.NoError(t, json.Unmarshal([]byte(written(t, &diag.Report{Checked: []diag.Checked{{File: "a.yaml", Findings: l}}}, diag.SARIF)), &log))
		for _, r := range log.Runs[0].Results {
			all = append(all, r.PartialFingerprints["flowrun/v1"])
		}
		return all
	}
	first := prints("")
	require.Equal(t, first, prints("# one\n\n# two\n"))
	slices.Sort(first)
	require.Len(t, slices.Compact(first), 4)
}

// The multitool is Microsoft's validator of SARIF; its rules named GH are what
// GitHub's code scanning asks for.
func TestSARIFPassesTheMultitoolsRulesOfGitHub(t *testing.T) {
	tool, err := filepath.Abs("../.tools/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool")
	require.NoError(t, err)
	if _, err := os.Stat(tool); err != nil {
		t.Skip("needs the SARIF multitool; scripts/test installs it with npm on Linux")
	}
	right := written(t, hostile(), diag.SARIF)
	broken := regexp.MustCompile(`"fullDescription": \{[^}]*\},`).ReplaceAllString(right, "")
	for name, text := range map[string]string{"right": right, "broken": broken} {
		file := filepath.Join(t.TempDir(), name+".sarif")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		c := exec.Command(tool, "validate", file, "--rule-kind", "Ghas", "--level", "Error;Warning", "--kind", "Fail;Open;Review")
		c.Env = append(os.Environ(), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1")
		out, _ := c.CombinedOutput()
		require.Contains(t, string(out), "1 files scanned", "%s", out)
		found := regexp.MustCompile(`(?m): (?:error|warning) (\w+): .*$`).FindAllString(string(out), -1)
		require.Equal(t, name == "broken", len(found) > 0, "%s: %s", name, out)
	}
}

// publishedSchema is OASIS's schema of SARIF 2.1.0. A Go module holds a copy of
// it, as a constant in its source; nothing of that module is linked.
func publishedSchema(t *testing.T) string {
	t.Helper()
	const holder = "github.com/owenrumney/go-sarif/v3@v3.3.1"
	cmd := exec.Command("go", "mod", "download", "-json", holder)
	cmd.Dir = t.TempDir() // outside of this module, which doesn't require it
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	var module struct{ Dir string }
	if err != nil || json.Unmarshal(out, &module) != nil || module.Dir == "" {
		t.Skipf("the schema of SARIF can't be had: go mod download %s failed", holder)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(module.Dir, "pkg/report/v210/sarif/schema.go"), nil, 0)
	require.NoError(t, err)
	text := ""
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err = strconv.Unquote(literal.Value)
			require.NoError(t, err)
		}
		return true
	})
	return text
}
