package metal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

func TestSpeedIsGuessedFromApplesNames(t *testing.T) {
	one := speed("Apple M1", true)
	require.InDelta(t, 0.86e12, one.Flops, 0.01e12)
	require.InDelta(t, 48e9, one.Bytes, 1e9)
	require.Equal(t, one, speed("Apple M4", true), "nothing tells how much faster it is")
	last := one
	for _, title := range []string{"Apple M1 Pro", "Apple M2 Max", "Apple M3 Ultra"} {
		s := speed(title, true)
		require.Greater(t, s.Flops, last.Flops, title)
		require.Greater(t, s.Bytes, last.Bytes, title)
		last = s
	}
	for _, title := range []string{"AMD Radeon Pro 5500M", "Apple Paravirtual device", "an emulated GPU", ""} {
		require.Equal(t, device.Speed{}, speed(title, true), title)
	}
	require.Equal(t, device.Speed{}, speed("Apple M1", false))
}

func TestEveryMessageHasASelectorAndEveryFunctionAName(t *testing.T) {
	seen := map[string]bool{}
	for i := range selectors {
		m := message(i)
		require.NotEmpty(t, m.String(), "message %d", m)
		require.False(t, seen[m.String()], m)
		seen[m.String()] = true
	}
	for f, name := range functions {
		require.Equal(t, strings.HasPrefix(name, "MTL"), function(f).ofMetal(), name)
		require.NotEmpty(t, name)
	}
}

func TestAnErrorHasTheNamesOfTheAPI(t *testing.T) {
	for want, e := range map[string]*Error{
		"status: MTLCommandBufferErrorTimeout (2): took too long": {status.String(), 2, commandBufferErrors[2], "took too long"},
		"status: error 77": {status.String(), 77, commandBufferErrors[77], ""},
		"newBufferWithLength:options: it failed, and Metal gave no reason": {Message: newBuffer.String()},
	} {
		require.EqualError(t, e, want)
	}
	for code := range commandBufferErrors {
		e := &Error{Message: status.String(), Code: code}
		require.Equal(t, code == 4 || code == 7 || code == 11, loses(e), "%d", code)
		require.False(t, loses(&Error{Message: newLibrary.String(), Code: code}), "codes are the message's own")
	}
}

func TestASourceKeepsItsFilesNamesAndLines(t *testing.T) {
	files := []kernels.File{{Name: "a.h", Text: "A"}, {Name: "dir/b.metal", Text: "B"}}
	require.Equal(t, "#define GROUP 256\n#define SIMDGROUP_MATRIX 1\n#line 1 \"a.h\"\nA\n#line 1 \"dir/b.metal\"\nB\n",
		defined([]string{"GROUP=256", "SIMDGROUP_MATRIX=1"}, kernels.Source{Files: files}.Joined()))
}
