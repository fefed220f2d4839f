package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/spec"
)

const invalid = "testdata/invalid"

var expectation = regexp.MustCompile(`([a-z][a-z0-9-]*)@(\d+:\d+)`)

// Every broken spec says beside its faults, in comments, which rule is expected
// where: that part is written by hand. The rendered text is a golden file.
func TestBrokenSpecsGiveTheDiagnosticsWrittenBesideTheirFaults(t *testing.T) {
	files, err := filepath.Glob(invalid + "/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 60)
	covered := map[diag.Rule]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		program, list := spec.Parse(filepath.Base(file), src, spec.Options{})
		t.Run(name, func(t *testing.T) {
			var want, got []string
			for _, m := range expectation.FindAllStringSubmatch(string(src), -1) {
				want = append(want, m[0])
			}
			for _, d := range list.Items {
				covered[d.Rule] = true
				got = append(got, fmt.Sprintf("%s@%s", d.Rule, d.Range.Start))
			}
			slices.Sort(want)
			slices.Sort(got)
			require.Equal(t, want, got, list.Text())
			require.Equal(t, list.HasErrors(), program == nil)
			goldentest.Equal(t, filepath.Join(invalid, name+".txt"), list.Text())
		})
	}
	// These can't be shown by a text of reasonable size, or by a text alone:
	// TestHostileTextsEndInADiagnostic and TestSetOverridesVars show them. Whether
	// a gradient exists, and what is around a spec, is found out after this
	// package; docs/rules shows it.
	elsewhere := []diag.Rule{diag.Unreadable, diag.TooLarge, diag.TooDeep, diag.TooManyProblems, diag.AliasBomb,
		diag.ExpressionTooLarge, diag.OverBudget, diag.UnknownVar, diag.NotDifferentiable,
		diag.UnfitFile, diag.NoDevice, diag.NoKernel, diag.OutOfMemory}
	for _, r := range diag.Rules() {
		if !covered[r] && !slices.Contains(elsewhere, r) {
			t.Errorf("no broken spec shows the rule %s", r)
		}
	}
}
