package spec_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

// Beside every broken spec stands the nearest one that is accepted, NAME.right: so
// that what is refused is its fault, and not something around it.
func TestEveryBrokenSpecHasANearbyValidOne(t *testing.T) {
	files, err := filepath.Glob(invalid + "/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			wrong, err := os.ReadFile(file)
			require.NoError(t, err)
			right, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".right")
			require.NoError(t, err, "each broken spec needs an accepted one beside it: %s.right", name)
			_, faults := spec.Parse(file, wrong, spec.Options{})
			program, list := spec.Parse(file, right, spec.Options{})
			require.NotNil(t, program, list.Text())
			for _, d := range list.Items {
				require.False(t, slices.ContainsFunc(faults.Items, func(f diag.Diagnostic) bool { return f.Rule == d.Rule }), list.Text())
			}
			allowed := 4 + 3*len(faults.Items)
			require.LessOrEqual(t, changedLines(string(wrong), string(right)), allowed, "it isn't near")
		})
	}
	rights, err := filepath.Glob(invalid + "/*.right")
	require.NoError(t, err)
	require.Equal(t, len(files), len(rights), "an accepted spec stands beside none that is broken")
}

// changedLines counts the lines of a and b that have no counterpart in the other,
// comments aside.
func changedLines(a, b string) int {
	lines := func(s string) (all []string) {
		for _, l := range strings.Split(s, "\n") {
			l, _, _ = strings.Cut(l, "  #")
			if l = strings.TrimRight(l, " \r"); strings.TrimSpace(l) != "" && !strings.HasPrefix(strings.TrimSpace(l), "#") {
				all = append(all, l)
			}
		}
		return all
	}
	x, y := lines(a), lines(b)
	common := make([]int, len(y)+1) // of the rows' longest common subsequence
	for i := range x {
		diagonal := 0
		for j := range y {
			above := common[j+1]
			if x[i] == y[j] {
				common[j+1] = diagonal + 1
			} else {
				common[j+1] = max(above, common[j])
			}
			diagonal = above
		}
	}
	return len(x) + len(y) - 2*common[len(y)]
}
