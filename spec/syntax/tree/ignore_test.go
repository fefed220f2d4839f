package tree_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func TestOnlyCommentsAreIgnores(t *testing.T) {
	src := strings.Join([]string{
		`a: 1  # flowrun:ignore one why`,
		`b: "x # flowrun:ignore no"  #flowrun:ignore two`,
		`c: 'y`,
		`  # flowrun:ignore no'`,
		`d: |`,
		`  # flowrun:ignore no`,
		`# flowrun:ignore three above`,
		`# another comment`,
		`#   flowrun:ignore four above, too`,
		`é: {x: "#", y: z#flowrun:ignore}	# flowrun:ignore five` + "\r",
		`f: 1  # flowrun:ignored`,
		`g: 1  # see flowrun:ignore`,
		`# flowrun:ignore six at the end`,
	}, "\n")
	var list diag.List
	require.NotNil(t, tree.Parse("f", src, &list))
	require.Empty(t, list.Items, list.Text())
	type ignore struct {
		line, col, about int
		text             string
	}
	var got []ignore
	for _, i := range list.Ignores {
		require.Equal(t, "f", i.Range.File)
		require.Equal(t, i.Range.Start.Line, i.Range.End.Line)
		got = append(got, ignore{i.Range.Start.Line, i.Range.Start.Col, i.Line, i.Text})
	}
	require.Equal(t, []ignore{{1, 7, 1, " one why"}, {2, 29, 2, " two"}, {7, 1, 10, " three above"}, {9, 1, 10, " four above, too"},
		{10, 34, 10, " five"}, {13, 1, 14, " six at the end"}}, got)
}

func TestAHundredThousandIgnoresAreFast(t *testing.T) {
	for _, line := range []string{"# flowrun:ignore unused-vra x\n", "# flowrun:ignore unused-var x\n", "# #flowrun:ignore\n"} {
		var list diag.List
		start := time.Now()
		tree.Parse("f", strings.Repeat(line, tree.MaxEntries-1)+"a: 1\n", &list)
		list.ApplyIgnores("f")
		require.Less(t, time.Since(start), 30*time.Second) // linear: 0.1 s, on a busy machine with -race 12 s; quadratic: minutes
		require.LessOrEqual(t, len(list.Items), diag.MaxItems+1)
	}
}
