package diag_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/diag"
)

func at(file string, line, from, to int) diag.Range {
	return diag.Range{File: file, Start: diag.Pos{Line: line, Col: from}, End: diag.Pos{Line: line, Col: to}}
}

func TestADiagnosticRendersWithItsLineNotesAndHelp(t *testing.T) {
	var l diag.List
	l.AddSource("bad.yaml", "model:\n  h1: silu(matmul(x, w1))\r\n")
	l.Add(diag.Diagnostic{Rule: diag.ShapeMismatch, Range: at("bad.yaml", 2, 12, 25),
		Message: "matmul: inner sizes differ: x has 8 columns, w1 has 16 rows",
		Notes: []diag.Note{{Message: "x is f32[1, 8]", Range: at("bad.yaml", 1, 1, 2)},
			{Message: "w1 is f32[16, 16]", Range: at("other.yaml", 3, 4, 5)}, {Message: "so it is"}},
		Help: "transpose it"})
	require.Equal(t, `bad.yaml:2:12: error[shape-mismatch]: matmul: inner sizes differ: x has 8 columns, w1 has 16 rows
    2 |   h1: silu(matmul(x, w1))
      |            ^~~~~~~~~~~~~
   x is f32[1, 8] (line 1); w1 is f32[16, 16] (other.yaml:3:4); so it is
   help: transpose it
`, l.Text())
}

func TestColourIsOnlyThereWhenAskedFor(t *testing.T) {
	var l diag.List
	l.AddSource("a", "x")
	l.Errorf(diag.UnknownName, at("a", 1, 1, 2), "no")
	l.Errorf(diag.UnusedVar, at("a", 1, 1, 2), "unused")
	var b strings.Builder
	require.NoError(t, l.WriteText(&b, true))
	require.Contains(t, b.String(), "\x1b[1;31merror[unknown-name]\x1b[0m")
	require.Contains(t, b.String(), "\x1b[1;33mwarning[unused-var]\x1b[0m")
	require.NotContains(t, l.Text(), "\x1b")
}

func TestControlSequencesInATextAreEscaped(t *testing.T) {
	var l diag.List
	l.AddSource("a", "x\x1b[31m\ty")
	l.Errorf(diag.UnknownName, at("a", 1, 1, 9), "no \x1b[2J name\r")
	l.Errorf(diag.UnknownName, diag.Range{File: "a"}, "%s", strings.Repeat("é", 1<<20))
	require.NotContains(t, l.Text(), "\x1b")
	require.NotContains(t, l.Text(), "\r")
	require.Less(t, len(l.Text()), 5000)
}

func TestLongLinesAreCutAroundTheRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 500).Draw(t, "length")
		from := rapid.IntRange(1, n+3).Draw(t, "from")
		to := rapid.IntRange(from, n+5).Draw(t, "to")
		line := []rune(strings.Repeat(".", n) + "   ")
		if from <= n {
			line[from-1] = 'X'
		}
		var l diag.List
		l.AddSource("a", string(line[:n]))
		l.Errorf(diag.UnknownName, at("a", 1, from, to), "no")
		rendered := strings.Split(l.Text(), "\n")
		shown, carets := []rune(rendered[1]), rendered[2]
		require.LessOrEqual(t, len(shown), 8+122)
		require.LessOrEqual(t, utf8.RuneCountInString(carets), 8+123)
		if from <= n {
			require.Equal(t, 'X', shown[strings.IndexByte(carets, '^')])
		}
	})
}

func TestTheSameProblemIsListedOnce(t *testing.T) {
	var l diag.List
	for range 3 {
		l.Errorf(diag.UnknownName, at("a", 1, 1, 2), "no")
	}
	l.Errorf(diag.UnknownName, at("a", 1, 2, 3), "no")
	require.Len(t, l.Items, 2)
}

func TestAListIsBounded(t *testing.T) {
	var l diag.List
	for i := range 10 * diag.MaxItems {
		l.Errorf(diag.UnknownName, at("a", i+1, 1, 2), "no")
	}
	require.Len(t, l.Items, diag.MaxItems+1)
	require.Equal(t, diag.TooManyProblems, l.Items[diag.MaxItems].Rule)
}

func TestListsAreSortedByPosition(t *testing.T) {
	var l diag.List
	l.Errorf(diag.UnknownName, at("b", 1, 1, 2), "4")
	l.Errorf(diag.UnusedVar, at("a", 2, 1, 2), "3")
	l.Errorf(diag.UnknownName, at("a", 2, 1, 2), "2")
	l.Errorf(diag.UnknownName, at("a", 1, 9, 10), "1")
	l.Sort()
	var order string
	for _, d := range l.Items {
		order += d.Message
	}
	require.Equal(t, "1234", order)
	errors, warnings := l.Count()
	require.Equal(t, []int{3, 1}, []int{errors, warnings})
	require.True(t, l.HasErrors())
}

func TestDidYouMean(t *testing.T) {
	names := []string{"sum", "mean", "matmul", "out_features", "keepdim", "bits", "Linear"}
	for name, want := range map[string]string{
		"summ": "sum", "maen": "mean", "matmull": "matmul", "out_feature": "out_features", "outfeatures": "out_features",
		"keep_dim": "keepdim", "Bits": "bits", "linear": "Linear", "banana": "", "x": "", "": "", strings.Repeat("m", 1000): "",
	} {
		require.Equal(t, want, diag.DidYouMean(name, names), name)
	}
	require.Equal(t, `did you mean "sum"?`, diag.Suggestion("smu", names))
	require.Empty(t, diag.Suggestion("banana", names))
}

func TestEveryRuleIsDocumented(t *testing.T) {
	for _, r := range diag.Rules() {
		require.NotEmpty(t, r.Doc(), r)
		require.Regexp(t, `^[a-z]+(-[a-z0-9]+)*$`, string(r))
	}
	require.Equal(t, diag.Warning, diag.UnusedNode.Severity())
	require.Equal(t, diag.Error, diag.UnknownKey.Severity())
	require.Empty(t, diag.Rule("nonsense").Doc())
}
