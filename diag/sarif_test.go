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
		ArtifactLocation struct{ URI string }
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
				Name, Version, InformationURI string
				Rules                         []struct {
					ID                     string
					ShortDescription, Help struct{ Text, Markdown string }
					HelpURI                string
				}
			}
		}
		Invocations []struct{ ExecutionSuccessful *bool }
		ColumnKind  string
		Results     []struct {
			RuleID           string
			RuleIndex        *int
			Level            string
			Message          struct{ Text string }
			Locations        []location
			RelatedLocations []location
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
	require.Equal(t, []string{"flowrun", "v1.2.3"}, []string{driver.Name, driver.Version})
	require.Equal(t, "unicodeCodePoints", run.ColumnKind)
	require.False(t, *run.Invocations[0].ExecutionSuccessful, "a file was not read")
	seen := map[string]bool{}
	for _, r := range driver.Rules {
		require.False(t, seen[r.ID], "a rule stands twice")
		seen[r.ID] = true
		require.NotEmpty(t, r.ShortDescription.Text)
		require.NotEmpty(t, r.Help.Text)
		require.Equal(t, "# "+r.ID+"\n", r.Help.Markdown)
		for _, uri := range []string{r.HelpURI, driver.InformationURI} {
			u, err := url.Parse(uri)
			require.NoError(t, err)
			require.True(t, u.IsAbs())
		}
	}
	require.Len(t, run.Results, 7)
	for _, r := range run.Results {
		require.Equal(t, driver.Rules[*r.RuleIndex].ID, r.RuleID)
		require.Equal(t, diag.Rule(r.RuleID).Severity().String(), r.Level)
		require.NotEmpty(t, r.Message.Text)
		for i, l := range append(r.Locations, r.RelatedLocations...) {
			u, err := url.Parse(l.PhysicalLocation.ArtifactLocation.URI)
			require.NoError(t, err)
			require.Equal(t, strings.Contains(u.Path, "elsewhere"), u.IsAbs(), "what lies inside the folder is relative")
			if at := l.PhysicalLocation.Region; at != nil {
				require.GreaterOrEqual(t, at.StartLine, 1)
				require.GreaterOrEqual(t, at.StartColumn, 1)
				require.GreaterOrEqual(t, at.EndLine, at.StartLine)
				require.True(t, at.EndLine > at.StartLine || at.EndColumn >= at.StartColumn)
			}
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
	require.Nil(t, run.Results[6].Locations[0].PhysicalLocation.Region)
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
