package tree_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func TestAYAMLVersionDirectiveHasNoEffect(t *testing.T) {
	for _, head := range []string{"%YAML 1.2\n---\n", "%YAML 1.1\n---\n", "%YAML 1.3   # newer\n---\n", "\ufeff# a comment\n\n%YAML\t1.2\n  # another\n--- # begins\n",
		"%YAML 1.2\r\n---\r\n", "%TAG !e! tag:e.org,2000:\n%YAML 1.2\n---\n"} {
		root := parse(t, head+"a: é 010\nb: 010\n")
		line := strings.Count(head, "\n") + 1
		require.Equal(t, diag.Pos{Line: line, Col: 4}, root.Get("a").Range.Start, head)
		require.Equal(t, tree.Int, root.Get("b").Kind)
	}
	require.Equal(t, "%YAML 1.2\n", parse(t, "a: |\n  %YAML 1.2\n").Get("a").Text)
	require.Equal(t, "x\n%YAML 2.0\n---", parse(t, "a: \"x\n\n  %YAML 2.0\n\n  ---\"\n").Get("a").Text)
}

func TestAnInvalidDirectiveIsReportedAtItsPosition(t *testing.T) {
	for src, want := range map[string]string{
		"%YAML 2.0\n---\na: 1\n":            "a.yaml:1:1: error[yaml-syntax]: version 2.0 of YAML is not supported",
		"# c\n%YAML 1.2\n%YAML 1.2\n---\na": "a.yaml:3:1: error[yaml-syntax]: duplicate %YAML directive",
		"%YAML 1.2\na: 1\n":                 "a.yaml:2:1: error[yaml-syntax]: a directive must be followed by a line ---",
		"%YAML one\n---\na: 1\n":            "a.yaml:1:1: error[yaml-syntax]: missing YAML version",
		"%YAML 1.2\n":                       "a.yaml:",
		"a: 1\n%YAML 1.2\n---\nb: 1\n":      "a.yaml:",
	} {
		var list diag.List
		require.Nil(t, tree.Parse("a.yaml", src, &list), src)
		require.True(t, strings.HasPrefix(list.Text(), want), "%s: %s", src, list.Text())
	}
}
