package e2e_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

// The loss of this spec, and with it its weight, is not finite at steps given by a
// formula. It goes on nevertheless: diverge_test.go is about runs that don't.
const badSpec = `flowrun: 1
data:
  d: {generate: {x: "ones([2, 1])"}}
model:
  inputs: {x: "f32[2, 1]"}
  nodes: {y: {Linear: x, out_features: 1, bias: false}}
  outputs: [y]
train:
  data: d
  loss: mean(y * y) * 0 + BAD
  optimizer: {SGD: {lr: 0.01}}
  metrics: {fixed: "mean(x)"}
  max_steps: 60
  on_nonfinite: continue
`

func badAt(t *testing.T, bad string, keys ...string) string {
	t.Helper()
	return inFile(t, "bad.yaml", strings.Replace(badSpec, "BAD", bad, 1), keys)
}

// firstBad returns the first step whose recorded loss isn't finite, by checking all.
func firstBad(t *testing.T, path string, options ...flowrun.StartOption) int64 {
	t.Helper()
	s := runtest.Started(t, path, options...)
	_, records := runtest.Ran(t, s, 0)
	require.NoError(t, s.Close())
	for _, r := range records {
		if math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0) {
			return r.Step
		}
	}
	return 0
}

// Each step draws new data: the loss is sometimes non-finite and then finite again, on
// the host and on devices that run ahead.
func TestTheFirstNonFiniteLossIsReportedOnceWithItsStep(t *testing.T) {
	for name, bad := range map[string]string{
		"NaN":          "mean(log(uniform(-0.1, 1, [2, 1])))",
		"infinite":     "max(1 / trunc(uniform(0, 3, [2, 1])))",
		"minus":        "min(log(trunc(uniform(0, 4, [2, 1]))))",
		"always":       "sum(x) / 0",
		"never":        "sum(x)",
		"f16 too wide": `cast(cast(sum(x) * 30000, "f32") * floor(uniform(0.9, 1.3, [])) * 2, "f16")`,
	} {
		for _, device := range []string{"cpu", "sim"} {
			for _, until := range []string{"", "until: step >= 50"} {
				t.Run(name+" on "+device+" "+until, func(t *testing.T) {
					keys := []string{"log_every: 1000"}
					if until != "" {
						keys = append(keys, until)
					}
					path := badAt(t, bad, keys...)
					want := firstBad(t, path)
					require.Equal(t, name == "never", want == 0)
					s := runtest.Started(t, path, flowrun.On(device))
					var told []int64
					summary, err := s.Run(context.Background(), flowrun.OnNonFinite(func(step int64) { told = append(told, step) }))
					require.NoError(t, err)
					require.Equal(t, want, summary.NonFinite)
					if want == 0 {
						require.Empty(t, told)
					} else {
						require.Equal(t, []int64{want}, told)
					}
				})
			}
		}
	}
}

// On the host it is reported at the step itself, and the callback may use the session.
func TestANonFiniteLossIsReportedAtOnceOnTheHost(t *testing.T) {
	path := badAt(t, "mean(log(uniform(-0.1, 1, [2, 1])))", "log_every: 1000")
	want := firstBad(t, path)
	s := runtest.Started(t, path)
	var at float64
	_, err := s.Run(context.Background(), flowrun.OnNonFinite(func(int64) { at = value(t, s, "step").Float(0) }))
	require.NoError(t, err)
	require.EqualValues(t, want, at)
}

func TestCheckpointsContainTheFirstNonFiniteStep(t *testing.T) {
	path := badAt(t, "mean(log(uniform(-0.1, 1, [2, 1])))", "checkpoint: {every: 10}")
	want := firstBad(t, path)
	require.NoError(t, os.RemoveAll(filepath.Join(filepath.Dir(path), "checkpoints")))
	require.Less(t, want, int64(50))
	ranTo(t, path, 50)
	s := runtest.Started(t, path, flowrun.Resume(""))
	summary, err := s.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, want, summary.NonFinite)
}

// weightsAt returns the weight in a checkpoint.
func weightsAt(t *testing.T, file string) float64 {
	t.Helper()
	tensors, err := flowrun.ReadTensors(file)
	require.NoError(t, err)
	return tensors["y.weight"].Float(0)
}

func TestTheLastFiniteCheckpointIsKeptWhateverKeepSays(t *testing.T) {
	for keep := range 4 {
		diverges := strings.Replace(badSpec, "loss: mean(y * y) * 0 + BAD", "loss: mean(y * y)", 1)
		diverges = strings.Replace(diverges, "lr: 0.01", "lr: 30", 1)
		path := filepath.Join(t.TempDir(), "bad.yaml")
		require.NoError(t, os.WriteFile(path, []byte(diverges+fmt.Sprintf("  checkpoint: {every: 3, keep: %d, best: {metric: fixed, mode: max}}\n", keep+1)), 0o666))
		dir := filepath.Join(filepath.Dir(path), "checkpoints")
		s := runtest.Started(t, path)
		summary, _ := runtest.Ran(t, s, 0)
		require.NoError(t, s.Close())
		first := summary.NonFinite
		require.Greater(t, first, int64(6), "the spec of this test learns something first")
		require.Less(t, first, int64(40))

		var finite, rest []string
		for _, name := range filesIn(t, dir) {
			w := weightsAt(t, filepath.Join(dir, name))
			if math.IsNaN(w) || math.IsInf(w, 0) {
				rest = append(rest, name)
			} else {
				finite = append(finite, name)
			}
		}
		last := (first - 1) / 3 * 3
		require.Equal(t, []string{"best.safetensors", filepath.Base(stepFile(dir, last))}, finite)
		require.Len(t, rest, keep+1, "and the newest besides")

		// It is also kept by a resumed run, and can be resumed from.
		r, _, _ := ranTo(t, path, 70, flowrun.Resume(""))
		require.EqualValues(t, 60, r.Step)
		require.FileExists(t, stepFile(dir, last))
		r, _, _ = ranTo(t, path, last+1, flowrun.Resume(stepFile(dir, last)))
		require.True(t, r.GoesBack)
	}
}

func TestARunThatIsNeverFiniteKeepsItsFirstCheckpoint(t *testing.T) {
	path := badAt(t, "sum(x) / 0", "checkpoint: {every: 10, keep: 1, best: {metric: fixed}}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	ranTo(t, path, 40)
	require.Equal(t, []string{"step-000000000.safetensors", "step-000000040.safetensors"}, filesIn(t, dir), "and none of them is the best")
}
