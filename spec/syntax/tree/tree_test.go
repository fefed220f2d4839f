package tree_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func parse(t *testing.T, text string) *tree.Node {
	t.Helper()
	var list diag.List
	n := tree.Parse("t.yaml", text, &list)
	require.Empty(t, list.Items, list.Text())
	return n
}

// piece cuts the text at a node's range.
func piece(text string, n *tree.Node) string {
	lines := strings.SplitAfter(text, "\n")
	offset := func(p diag.Pos) int {
		at := 0
		for _, l := range lines[:p.Line-1] {
			at += len(l)
		}
		if p.Line > len(lines) {
			return at
		}
		return at + len(string([]rune(lines[p.Line-1])[:p.Col-1]))
	}
	return text[offset(n.Range.Start):offset(n.Range.End)]
}

func TestRangesAreExact(t *testing.T) {
	text := `# c
a: héllo # x
"b c":   'it''s'
é: {x: f(a), y: [1, 2,   3 ], "é": z, w: {}}
e: "esc \" \u00e9 q"
g: plain
  multi
  line
i: &anc [1]
j:
  - x
  - k: 1   # one
    l: 2
m: []
`
	root := parse(t, text)
	want := map[string]string{
		"a": "héllo", "b c": "'it''s'", "é": `{x: f(a), y: [1, 2,   3 ], "é": z, w: {}}`, "e": `"esc \" \u00e9 q"`,
		"g": "plain\n  multi\n  line", "i": "[1]", "j": "- x\n  - k: 1   # one\n    l: 2", "m": "[]",
	}
	require.Len(t, root.Entries, len(want))
	for _, e := range root.Entries {
		require.Equal(t, want[e.Key.Text], piece(text, e.Value), e.Key.Text)
		require.Equal(t, text[e.Value.Offset:e.Value.End], piece(text, e.Value))
		require.Equal(t, e.Key.Text, strings.Trim(piece(text, e.Key), `"`))
	}
	flow := root.Get("é")
	require.Equal(t, "[1, 2,   3 ]", piece(text, flow.Get("y")))
	require.Equal(t, "z", piece(text, flow.Get("é")))
}

func TestEveryCharacterOfAScalarHasItsPosition(t *testing.T) {
	for _, c := range []struct {
		text string
		at   string // a piece of the value
		want diag.Pos
	}{
		{"a: x + yy", "yy", diag.Pos{Line: 1, Col: 8}},
		{"a: \"x + yy\"", "yy", diag.Pos{Line: 1, Col: 9}},
		{"a: 'x''s + yy'", "yy", diag.Pos{Line: 1, Col: 12}},
		{"a: \"\\x41 \\t + yy\"", "yy", diag.Pos{Line: 1, Col: 15}},
		{"a: x +\n  yy", "yy", diag.Pos{Line: 2, Col: 3}},
		{"a: |\n  x +\n  yy\n", "yy", diag.Pos{Line: 3, Col: 3}},
		{"a: >-\n\n    x +\n    (yy)\n", "yy", diag.Pos{Line: 4, Col: 6}},
		{"a: \"x +\n   yy\"", "yy", diag.Pos{Line: 2, Col: 4}},
		{"a: é + yy", "yy", diag.Pos{Line: 1, Col: 8}},
	} {
		v := parse(t, c.text).Get("a")
		i := strings.Index(v.Text, c.at)
		require.GreaterOrEqual(t, i, 0, c.text)
		require.Equal(t, c.want, v.Position(len([]rune(v.Text[:i]))), c.text)
	}
}

func TestAliasesAreSharedNotCopied(t *testing.T) {
	root := parse(t, "a: &x [1, 2]\nb: *x\n")
	require.Same(t, root.Get("a"), root.Get("b"))
}

func TestKindsFollowYAML12(t *testing.T) {
	root := parse(t, "a: 1\nb: 1.5\nc: true\nd: ~\ne:\nf: yes\ng: 0x1F\nh: '1'\ni: .inf\nj: 1e3\nk: y\n")
	var kinds []tree.Kind
	for _, e := range root.Entries {
		kinds = append(kinds, e.Value.Kind)
	}
	require.Equal(t, []tree.Kind{tree.Int, tree.Float, tree.Bool, tree.Null, tree.Null, tree.String, tree.Int,
		tree.String, tree.Float, tree.Float, tree.String}, kinds)
}

func TestAByteOrderMarkIsIgnored(t *testing.T) {
	root := parse(t, "\ufeffa: 1")
	require.Equal(t, diag.Pos{Line: 1, Col: 4}, root.Get("a").Range.Start)
}

func TestATagWithoutANameIsReportedAsATag(t *testing.T) {
	for _, src := range []string{"a: ! x", "! a: x", "a: &b ! x", "a: [! x]"} {
		var list diag.List
		tree.Parse("a.yaml", src, &list)
		require.NotEmpty(t, list.Items, src)
		require.Equal(t, diag.YAMLTag, list.Items[0].Rule, src)
	}
}
