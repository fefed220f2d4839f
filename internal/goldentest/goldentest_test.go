package goldentest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
)

func TestADiffShowsOnlyTheChangedLines(t *testing.T) {
	require.Empty(t, goldentest.Diff("a\nb\n", "a\nb\n"))
	require.Equal(t, "-    2  b\n+    2  x\n", goldentest.Diff("a\nb\nc\n", "a\nx\nc\n"))
	require.Equal(t, "+    2  x\n-    4  d\n", goldentest.Diff("a\nb\nc\nd\n", "a\nx\nb\nc\n"))
	require.Equal(t, "+    3  c\n", goldentest.Diff("a\nb\n", "a\nb\nc\n"))
	require.Equal(t, "-    2  b\n+    2  b\n", goldentest.Diff("a\nb\n", "a\nb"))
	long := goldentest.Diff(strings.Repeat("a\n", 100), strings.Repeat("b\n", 100))
	require.True(t, strings.HasSuffix(long, "… and 140 more lines\n"), long)
}
