package diag_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/goldentest"
)

// hostile is a report whose names and messages hold what each of the formats
// has to escape.
func hostile() *diag.Report {
	const odd = "odd/a,b:c%0A\n\x1b[31m<&\"'>]]>.yaml"
	var one diag.List
	one.AddSource(odd, "flowrun: 1\nname: \"]]> \x1b[2J 𝕏 é\"\nmodel: {}\n")
	one.Add(diag.Diagnostic{Rule: diag.ShapeMismatch, Range: at(odd, 2, 7, 12),
		Message: "100% [a](b) {0}, ::error::\r\nx=<b>&\"'\x00\xff]]>",
		Notes:   []diag.Note{{Message: "first: [1](2)", Range: at(odd, 1, 1, 8)}, {Message: "second,\nno place"}},
		Help:    "write `{SGD: {lr: 0.1}}`"})
	one.Add(diag.Diagnostic{Rule: diag.UnusedVar, Message: "over two lines",
		Range: diag.Range{File: odd, Start: diag.Pos{Line: 2, Col: 3}, End: diag.Pos{Line: 3, Col: 1}}})
	shared := diag.Diagnostic{Rule: diag.UnknownName, Range: at("lib/shared.yaml", 3, 5, 6), Message: "found in both"}
	one.Add(shared)

	var two diag.List
	two.Add(shared)
	two.Errorf(diag.UnknownVar, diag.Range{File: "two.yaml"}, "a problem without a line")
	two.Errorf(diag.UnusedNode, diag.Range{}, "a warning without a file")

	var warned diag.List
	warned.Errorf(diag.UnusedVar, at("/repo/in/warned.yaml", 4, 1, 1), "of no width")

	var unread diag.List
	unread.Errorf(diag.Unreadable, diag.Range{File: "/elsewhere/x y.yaml"}, "permission denied")

	return &diag.Report{
		Version: "v1.2.3",
		Folder:  "/repo",
		Skipped: 3,
		Checked: []diag.Checked{{odd, one}, {"two.yaml", two}, {"/repo/in/warned.yaml", warned},
			{"<stdin>", diag.List{}}, {"/elsewhere/x y.yaml", unread}},
		Page: func(r diag.Rule) string { return "# " + string(r) + "\n" },
	}
}

func TestReportsMatchTheGoldenFiles(t *testing.T) {
	for _, format := range diag.Formats() {
		t.Run(format, func(t *testing.T) {
			got := written(t, hostile(), format)
			require.Equal(t, got, written(t, hostile(), format))
			goldentest.Equal(t, filepath.Join("testdata", "report."+format), got)
		})
	}
}

func TestAnUnknownFormatIsAnError(t *testing.T) {
	require.ErrorContains(t, hostile().Write(io.Discard, "xml"), "the formats are text, json")
}

func written(t *testing.T, r *diag.Report, format string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, r.Write(&b, format))
	return b.String()
}

func TestNoFormatWritesControlSequences(t *testing.T) {
	for _, format := range diag.Formats() {
		require.NotContains(t, written(t, hostile(), format), "\x1b[2J", format)
	}
	require.NotContains(t, written(t, hostile(), diag.Text), "\x1b")
}

func TestTheSummaryCounts(t *testing.T) {
	r := hostile()
	require.Equal(t, "2 specs valid, 3 with problems (4 errors, 3 warnings); 3 YAML files without a top-level `flowrun:` skipped", r.Summary())
	r.Strict = true
	require.Equal(t, 4, r.Failed())
	require.Equal(t, []string{"/elsewhere/x y.yaml"}, r.Unread())
	require.Equal(t, "1 spec valid", (&diag.Report{Checked: make([]diag.Checked, 1)}).Summary())
}

func TestAProblemInASharedFileIsReportedOnce(t *testing.T) {
	for _, format := range []string{diag.Text, diag.JSON, diag.JSONL, diag.SARIF, diag.GitHub} {
		require.Equal(t, 1, strings.Count(written(t, hostile(), format), "found in both"), format)
	}
	require.Equal(t, 2, strings.Count(written(t, hostile(), diag.JUnit), "]: found in both"), "each file is a test")
}

func TestJSONLHasTheDiagnosticsOfJSON(t *testing.T) {
	var doc struct {
		Version     int
		Diagnostics []json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(written(t, hostile(), diag.JSON)), &doc))
	require.Equal(t, 1, doc.Version)
	lines := strings.Split(strings.TrimSuffix(written(t, hostile(), diag.JSONL), "\n"), "\n")
	require.Len(t, lines, len(doc.Diagnostics))
	for i, line := range lines {
		require.JSONEq(t, string(doc.Diagnostics[i]), line)
	}
	require.Empty(t, written(t, &diag.Report{}, diag.JSONL))
}

// A workflow command as GitHub's runner reads it: properties are cut at commas,
// names at the first "=", and both are then unescaped.
var command = regexp.MustCompile(`^::(error|warning) ([^\n]*?)::([^\n]*)$`)

func TestGitHubDecodesWorkflowCommandsCorrectly(t *testing.T) {
	unescape := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace
	lines := strings.Split(strings.TrimSuffix(written(t, hostile(), diag.GitHub), "\n"), "\n")
	var files []string
	for _, line := range lines[:len(lines)-1] {
		m := command.FindStringSubmatch(line)
		require.NotNil(t, m, line)
		properties := map[string]string{}
		for _, p := range strings.Split(m[2], ",") {
			name, value, ok := strings.Cut(p, "=")
			require.True(t, ok, line)
			properties[name] = unescape(value)
		}
		files = append(files, properties["file"])
		require.NotEmpty(t, diag.Rule(properties["title"]).Doc())
		if properties["line"] != properties["endLine"] {
			require.NotContains(t, properties, "col")
		}
	}
	require.Equal(t, []string{"odd/a,b:c%0A\n\x1b[31m<&\"'>]]>.yaml", "odd/a,b:c%0A\n\x1b[31m<&\"'>]]>.yaml", "lib/shared.yaml", "two.yaml", "", "in/warned.yaml",
		"/elsewhere/x y.yaml"}, files)
	require.Equal(t, hostile().Summary(), lines[len(lines)-1])
}

func TestJUnitIsXMLWithATestForEachFile(t *testing.T) {
	type problem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	var doc struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Cases []struct {
				Name    string   `xml:"name,attr"`
				Failure *problem `xml:"failure"`
				Error   *problem `xml:"error"`
				Output  string   `xml:"system-out"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal([]byte(written(t, hostile(), diag.JUnit)), &doc))
	require.Equal(t, []int{5, 2, 1}, []int{doc.Tests, doc.Failures, doc.Errors})
	cases := doc.Suites[0].Cases
	require.Len(t, cases, 5)
	require.Equal(t, "shape-mismatch", cases[0].Failure.Type)
	require.Contains(t, cases[0].Failure.Text, "error[shape-mismatch]: 100% [a](b) {0}, ::error::")
	require.Contains(t, cases[2].Output, "warning[unused-var]")
	require.Nil(t, cases[3].Failure)
	require.Equal(t, "permission denied", cases[4].Error.Message)
}

func TestTheDocsListEveryFieldOfTheJSON(t *testing.T) {
	docs, err := os.ReadFile("../docs/ci.md")
	require.NoError(t, err)
	var doc any
	require.NoError(t, json.Unmarshal([]byte(written(t, hostile(), diag.JSON)), &doc))
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for key, e := range v {
				require.Contains(t, string(docs), "`"+key+"`")
				walk(e)
			}
		}
	}
	walk(doc)
	for _, format := range diag.Formats() {
		require.Contains(t, string(docs), "| `"+format+"` |")
	}
}
