package e2e_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/hooks"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report"
)

// stopping makes a spec of a run that goes on regardless one that ends.
func stopping(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	other := filepath.Join(t.TempDir(), "stop.yaml")
	require.NoError(t, os.WriteFile(other, []byte(strings.Replace(string(text), "  on_nonfinite: continue\n", "", 1)), 0o666))
	return other
}

// statesAt gives all states of a run that ends at a step, and goes on regardless.
func statesAt(t *testing.T, path string, step int64) map[string]*flowrun.Tensor {
	t.Helper()
	s := runtest.Started(t, path)
	if step > 0 {
		runtest.Ran(t, s, step)
	}
	states := statesOf(t, s)
	require.NoError(t, s.Close())
	return states
}

func statesOf(t *testing.T, s *flowrun.Session) map[string]*flowrun.Tensor {
	t.Helper()
	states := map[string]*flowrun.Tensor{}
	for _, st := range s.Plan().Graph.States {
		states[st.Name] = value(t, s, st.Name)
	}
	return states
}

func diverged(t *testing.T, path string, options ...flowrun.StartOption) (flowrun.Summary, *flowrun.Session) {
	t.Helper()
	s := runtest.Started(t, path, options...)
	summary, err := s.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, engine.StoppedNonFinite, summary.Stopped)
	require.NotNil(t, summary.Divergence)
	return summary, s
}

// What a run that goes on regardless shows is what ends one that doesn't: the first step
// whose loss isn't finite. The states are then those of the step before it, bit by bit,
// whichever device runs ahead how far.
func TestARunThatDivergesEndsWithTheStatesOfTheStepBeforeOnEveryDevice(t *testing.T) {
	for name, c := range map[string]struct{ bad, op string }{
		"NaN":          {"mean(log(uniform(-0.1, 1, [2, 1])))", "log"},
		"infinite":     {"max(1 / trunc(uniform(0, 3, [2, 1])))", "div reciprocal"},
		"minus":        {"min(log(trunc(uniform(0, 4, [2, 1]))))", "log"},
		"always":       {"sum(x) / 0", "div mul"},
		"f16 too wide": {`cast(cast(sum(x) * 30000, "f32") * floor(uniform(0.9, 1.3, [])) * 2, "f16")`, "cast"},
	} {
		for _, device := range []string{"cpu", "sim"} {
			for _, until := range []string{"", "until: step >= 50"} {
				t.Run(name+" on "+device+" "+until, func(t *testing.T) {
					keys := []string{"log_every: 1000"}
					if until != "" {
						keys = append(keys, until)
					}
					path := badAt(t, c.bad, keys...)
					first := firstBad(t, path)
					summary, s := diverged(t, stopping(t, path), flowrun.On(device))
					d := summary.Divergence
					require.Empty(t, d.Why)
					require.Equal(t, []int64{first, first, first - 1, first - 1}, []int64{summary.NonFinite, d.Step, d.Sound, summary.Steps})
					require.True(t, d.Exact)
					require.Equal(t, statesAt(t, path, first-1), statesOf(t, s))
					require.NotNil(t, d.Cause)
					require.Contains(t, strings.Fields(c.op), d.Cause.Node.Op.Name)
					require.True(t, d.Cause.Node.Origin.Known())
					require.False(t, d.Cause.Value.Finite())
				})
			}
		}
	}
}

func TestNoDivergenceIsClaimedOfARunWithoutOne(t *testing.T) {
	s := runtest.Started(t, stopping(t, badAt(t, "sum(x)")))
	summary, err := s.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, engine.StoppedMaxSteps, summary.Stopped)
	require.Nil(t, summary.Divergence)
}

// steepAtZero is a loss that stays finite in the step whose gradient is NaN: that of sqrt
// at 0, times 0.
const steepAtZero = "sum(sqrt(trunc(uniform(0, 12, [2, 1])) * y * y))"

// The parameters are NaN after a step with a finite loss; the next step's loss shows it.
// The step to blame is the first one.
func TestADivergenceThroughAGradientIsFoundInTheStepThatMadeIt(t *testing.T) {
	for _, device := range []string{"cpu", "sim"} {
		for name, more := range map[string][]string{
			"plain": nil, "clipped": {"clip_grad_norm: 1"}, "accumulated": {"accumulate: 2", "weight: 1.0"},
			"checkpoints": {"checkpoint: {every: 4}"}, "until": {"until: step >= 55"},
		} {
			t.Run(name+" on "+device, func(t *testing.T) {
				path := badAt(t, steepAtZero, append(more, "log_every: 7")...)
				first := int64(0)
				s := runtest.Started(t, path)
				for step := int64(1); first == 0 && step < 60; step++ {
					require.NoError(t, s.Step(context.Background()))
					for name, v := range statesOf(t, s) {
						if nan, _ := v.NonFinite(); nan && (strings.HasSuffix(name, "weight") || strings.HasPrefix(name, "optimizer")) {
							first = step
						}
					}
				}
				require.NoError(t, s.Close())
				require.Greater(t, first, int64(1), "the spec of this test learns something first")
				summary, s := diverged(t, stopping(t, path), flowrun.On(device))
				d := summary.Divergence
				require.Empty(t, d.Why)
				require.Equal(t, []int64{first, first - 1, first - 1}, []int64{d.Step, d.Sound, summary.Steps})
				require.False(t, math.IsNaN(d.Loss))
				require.NotEmpty(t, d.States)
				require.NotNil(t, d.Cause)
				require.Equal(t, "gradient", d.Cause.Phase)
				require.Equal(t, statesAt(t, path, first-1), statesOf(t, s))
			})
		}
	}
}

// diverging learns something for a few steps, and then its weight overflows.
func diverging(t *testing.T, keys ...string) string {
	t.Helper()
	text := strings.Replace(badSpec, "loss: mean(y * y) * 0 + BAD", "loss: mean(y * y)", 1)
	text = strings.Replace(text, "  on_nonfinite: continue\n", "", 1)
	return inFile(t, "diverging.yaml", strings.Replace(text, "lr: 0.01", "lr: 30", 1), keys)
}

func TestTheNewestCheckpointOfADivergedRunIsItsLastSoundStep(t *testing.T) {
	path := diverging(t, "checkpoint: {every: 3, keep: 2, best: {metric: fixed, mode: max}}")
	dir := filepath.Join(filepath.Dir(path), "checkpoints")
	summary, s := diverged(t, path)
	d := summary.Divergence
	require.Greater(t, d.Sound, int64(6))
	require.Equal(t, stepFile(dir, d.Sound), d.Checkpoint)
	require.NoError(t, s.Close())
	for _, name := range filesIn(t, dir) {
		w := weightsAt(t, filepath.Join(dir, name))
		require.False(t, math.IsNaN(w) || math.IsInf(w, 0), name)
	}
	again, s := diverged(t, path, flowrun.Resume(""))
	require.EqualValues(t, d.Sound, s.Resumed().Step)
	require.Equal(t, []int64{d.Step, d.Sound}, []int64{again.Divergence.Step, again.Divergence.Sound}, "the same happens in the same step")
	require.Equal(t, report.Cause(d.Cause), report.Cause(again.Divergence.Cause))
	require.NoError(t, s.Close())

	// What a run does about it may be changed on the way.
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(text, "  on_nonfinite: skip\n"...), 0o666))
	sound := weightsAt(t, d.Checkpoint)
	s = runtest.Started(t, path, flowrun.Resume(""))
	end, err := s.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, engine.StoppedMaxSteps, end.Stopped)
	require.Equal(t, 60-d.Sound, end.Skipped, "its weights make every loss overflow")
	require.InDelta(t, sound, value(t, s, "y.weight").Float(0), 0)
}

// States too large to copy are gone back to by way of the checkpoint, with the same end.
func TestADivergedRunWithoutCopiesGoesBackToItsCheckpoint(t *testing.T) {
	for _, device := range []string{"cpu", "sim"} {
		for name, keys := range map[string]string{
			"a file a moment ago": "checkpoint: {every: 3, keep: 1}", "the file of the beginning": "checkpoint: {every: 1000}",
			"accumulated": "checkpoint: {every: 3}\n  accumulate: 2",
		} {
			t.Run(name+" on "+device, func(t *testing.T) {
				want, whole := diverged(t, diverging(t, keys), flowrun.On(device))
				path := diverging(t, keys)
				s := runtest.StartedIn(hooks.With(t.Context(), engine.CopyLimit(8)), t, path, flowrun.On(device))
				summary, err := s.Run(t.Context())
				require.NoError(t, err)
				require.Equal(t, engine.StoppedNonFinite, summary.Stopped)
				a, b := want.Divergence, summary.Divergence
				require.Equal(t, []any{a.Step, a.Exact, a.Loss, a.Sound, a.States}, []any{b.Step, b.Exact, b.Loss, b.Sound, b.States}, b.Why)
				require.Equal(t, []int64{want.Steps, want.Step}, []int64{summary.Steps, summary.Step})
				require.Equal(t, statesOf(t, whole), statesOf(t, s))
				require.Equal(t, stepFile(filepath.Join(filepath.Dir(path), "checkpoints"), a.Sound), b.Checkpoint)
				require.Nil(t, b.Cause)
				require.Contains(t, b.Why, "--check-numerics")
				require.NoError(t, s.Close())

				var made []string
				again, _ := diverged(t, path, flowrun.On(device), flowrun.Resume(""), flowrun.CheckNumerics(func(c *flowrun.Cause, _ string) { made = append(made, c.Node.Op.Name) }))
				require.Equal(t, a.Step, again.Divergence.Step)
				require.Contains(t, made, a.Cause.Node.Op.Name, "what the message promises")
			})
		}
	}
}

// Infinity that a spec means, in a mask, is not to blame unless it becomes NaN.
func TestInfinityThatIsMeantIsNotToBlame(t *testing.T) {
	for name, c := range map[string]struct{ bad, op string }{
		"a mask beside the fault":       {"sum(softmax(where(concat([x, -x], -1) > 0, concat([y, y], -1) * 0, -inf), -1)) + log(sum(x) - 2)", "log"},
		"a row that is masked as whole": {"sum(softmax(where(x < 0, y * 0, -inf), -1))", "softmax sub exp div"},
	} {
		t.Run(name, func(t *testing.T) {
			summary, _ := diverged(t, stopping(t, badAt(t, c.bad)))
			require.NotNil(t, summary.Divergence.Cause, summary.Divergence.Why)
			require.Contains(t, strings.Fields(c.op), summary.Divergence.Cause.Node.Op.Name)
			require.False(t, summary.Divergence.Cause.Constant)
		})
	}
}

// walled is a spec with a parameter that is infinite from the beginning, which nothing has
// of but a maximum beside it.
func walled(t *testing.T, bad string, keys ...string) (path string, first flowrun.StartOption) {
	t.Helper()
	text := strings.NewReplacer("y: {Linear: x, out_features: 1, bias: false}", "h: {Linear: x, out_features: 1}\n    wall: {Linear: x, out_features: 1}\n    y: maximum(h, wall)",
		"nodes: {", "nodes:\n    ", "}\n  outputs", "\n  outputs", "mean(y * y) * 0 + BAD", "mean(y * y) + "+bad, "  on_nonfinite: continue\n", "").Replace(badSpec)
	one := func(v float64) *flowrun.Tensor { return ir.FromFloat64(ir.F32, ir.Shape{1}, []float64{v}) }
	return inFile(t, "walled.yaml", text, keys), flowrun.WithWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{
		"wall.bias": one(math.Inf(-1)), "h.bias": one(1), "h.weight": ir.FromFloat64(ir.F32, ir.Shape{1, 1}, []float64{1}), "wall.weight": ir.FromFloat64(ir.F32, ir.Shape{1, 1}, []float64{1})}})
}

func TestARunThatBeginsWithInfinityWritesItsCheckpointsAndWeights(t *testing.T) {
	path, first := walled(t, "0", "checkpoint: {every: 4, keep: 5, best: {metric: fixed, mode: max}}")
	dir := filepath.Join(t.TempDir(), "run")
	s := runtest.Started(t, path, first, flowrun.KeepIn(dir))
	summary, _ := runtest.Ran(t, s, 10)
	require.Equal(t, engine.StoppedMaxSteps, summary.Stopped)
	for _, file := range []string{"checkpoints/step-*4.safetensors", "checkpoints/step-*10.safetensors", "checkpoints/best.safetensors", "weights.safetensors"} {
		found, err := filepath.Glob(filepath.Join(dir, file))
		require.NoError(t, err)
		require.NotEmpty(t, found, file)
	}
	require.NoError(t, s.Close())
	resumed := runtest.Started(t, path, flowrun.KeepIn(dir), flowrun.Resume(""))
	require.EqualValues(t, 10, resumed.Resumed().Step)
}

func TestInfinityThatARunBeginsWithIsNotToBlame(t *testing.T) {
	path, first := walled(t, "mean(log(uniform(-0.1, 1, [2, 1])))")
	summary, _ := diverged(t, path, first)
	require.NotNil(t, summary.Divergence.Cause, summary.Divergence.Why)
	require.Equal(t, "log", summary.Divergence.Cause.Node.Op.Name)

	path, first = walled(t, "0")
	s := runtest.Started(t, path, first, flowrun.CheckNumerics(func(c *flowrun.Cause, _ string) { t.Errorf("%s is blamed", c.Node.Op.Name) }))
	runtest.Ran(t, s, 3)
}

func TestParametersThatAreNaNAreRefusedBeforeTheRun(t *testing.T) {
	path := stopping(t, badAt(t, "sum(x)"))
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	given := func(v float64) flowrun.StartOption {
		return flowrun.WithWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"y.weight": ir.FromFloat64(ir.F32, ir.Shape{1, 1}, []float64{v})}})
	}
	_, err = p.Start(context.Background(), given(math.NaN()))
	require.ErrorContains(t, err, "y.weight is NaN in 1 of 1 values")
	var notes []string
	s, err := p.Start(context.Background(), given(math.Inf(1)), flowrun.OnDataNote(func(note string) { notes = append(notes, note) }))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "y.weight")
}

func TestAStateThatACallerSetsMeanwhileIsNotReplayed(t *testing.T) {
	s := runtest.Started(t, stopping(t, badAt(t, "mean(log(uniform(-0.1, 1, [2, 1])))")))
	summary, err := s.Run(context.Background(), flowrun.Observe(flowrun.Observer{Every: 2, Observe: func(r flowrun.Record) error {
		if r.Step == 2 {
			return s.Set("y.weight", ir.FromFloat64(ir.F32, ir.Shape{1, 1}, []float64{3}))
		}
		return nil
	}}))
	require.NoError(t, err)
	require.Equal(t, engine.StoppedNonFinite, summary.Stopped)
	require.Contains(t, summary.Divergence.Why, "beside the run")
	require.Nil(t, summary.Divergence.Cause)
}

func TestEveryNodeIsLookedAtWithCheckNumerics(t *testing.T) {
	path := badAt(t, "mean(log(uniform(-0.1, 1, [2, 1])))")
	first := firstBad(t, path)
	var made []string
	summary, s := diverged(t, stopping(t, path), flowrun.CheckNumerics(func(c *flowrun.Cause, position string) {
		made = append(made, c.Node.Op.Name)
		require.Contains(t, position, "stop.yaml:")
	}))
	require.Equal(t, []int64{first, first - 1}, []int64{summary.Divergence.Step, summary.Divergence.Sound})
	require.Equal(t, []string{"log"}, made, "once")
	require.Equal(t, statesAt(t, path, first-1), statesOf(t, s))

	// It tells what the loss doesn't show, too.
	made = nil
	s = runtest.Started(t, stopping(t, badAt(t, "sum(where(x > 0, x, log(x - 2)))")), flowrun.CheckNumerics(func(c *flowrun.Cause, _ string) { made = append(made, c.Node.Op.Name) }))
	summary, err := s.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, engine.StoppedMaxSteps, summary.Stopped)
	require.Equal(t, []string{"log"}, made)
}

// fileSpec trains on a file, in batches of 2.
const fileSpec = `flowrun: 1
data:
  d: {safetensors: d.safetensors, fields: {x: {type: "f32[3]"}, t: {type: "f32[1]"}}, batch: 2}
model:
  inputs: {x: "f32[batch, 3]"}
  nodes: {n: {BatchNorm: x}, y: {Linear: n, out_features: 1}}
  outputs: [y]
train:
  data: d
  loss: mse_loss(y, t)
  optimizer: {Adam: {lr: 0.1 * 0.9 ** step}}
  clip_grad_norm: 1
  accumulate: 2
  epochs: 1
`

// onFile writes the spec beside a file with as many batches, some of which are spoiled.
func onFile(t *testing.T, batches int, spoiled map[int]float64, leaveOut bool, keys ...string) string {
	t.Helper()
	path := inFile(t, "file.yaml", fileSpec, keys)
	var xs, ts []float64
	for b := range batches {
		v, bad := spoiled[b]
		if bad && leaveOut {
			continue
		}
		for i := range 6 {
			xs = append(xs, math.Sin(float64(7*b+3*i)))
		}
		ts = append(ts, float64(b%3), 1)
		if bad {
			xs[len(xs)-2] = v
		}
	}
	n := len(ts)
	require.NoError(t, safetensors.Write(filepath.Join(filepath.Dir(path), "d.safetensors"), map[string]*ir.Tensor{
		"x": ir.FromFloat64(ir.F32, ir.Shape{n, 3}, xs), "t": ir.FromFloat64(ir.F32, ir.Shape{n, 1}, ts)}))
	return path
}

// Steps that are skipped leave no trace but in the counters: the run is one that never had
// their batches.
func TestSkippedStepsAreAsIfTheirBatchesHadNeverBeen(t *testing.T) {
	spoiled := map[int]float64{0: math.NaN(), 3: math.Inf(1), 4: math.NaN(), 9: math.Inf(-1), 12: math.NaN()}
	for _, device := range []string{"cpu", "sim"} {
		t.Run(device, func(t *testing.T) {
			s := runtest.Started(t, onFile(t, 20, spoiled, false, "on_nonfinite: skip"), flowrun.On(device))
			summary, err := s.Run(context.Background())
			require.NoError(t, err)
			require.Equal(t, engine.StoppedEpochs, summary.Stopped)
			require.EqualValues(t, len(spoiled), summary.Skipped)
			require.EqualValues(t, 1, summary.NonFinite)
			require.EqualValues(t, 20, summary.Steps)

			clean := runtest.Started(t, onFile(t, 20, spoiled, true), flowrun.On(device))
			without, err := clean.Run(context.Background())
			require.NoError(t, err)
			require.Equal(t, engine.StoppedEpochs, without.Stopped)
			require.EqualValues(t, 20-len(spoiled), without.Steps)
			want, got := statesOf(t, clean), statesOf(t, s)
			for _, own := range []string{"step", "step.nonfinite", "step.skipped"} {
				delete(want, own)
				delete(got, own)
			}
			require.Equal(t, want, got)
		})
	}
}

func TestDataThatIsNaNIsNamedWithItsRow(t *testing.T) {
	summary, _ := diverged(t, onFile(t, 8, map[int]float64{5: math.NaN()}, false))
	d := summary.Divergence
	require.EqualValues(t, 6, d.Step)
	require.Equal(t, ir.SourceOp, d.Cause.Node.Op)
	require.Contains(t, d.Cause.Data, "the field x of the data source d")
	require.Contains(t, d.Cause.Data, "d.safetensors:12", "the second example of the batch")
}

func TestIdsOutOfRangeOnADeviceAreCounted(t *testing.T) {
	path := inFile(t, "ids.yaml", `flowrun: 1
data:
  d: {generate: {ids: "randint(0, 6, [8], dtype='i64') + cast(uniform(0, 1.3, []), 'i64')"}}
model:
  inputs: {ids: "i64[8]"}
  nodes: {y: {Embedding: ids, num_embeddings: 6, embedding_dim: 2}}
  outputs: [y]
train:
  data: d
  loss: mean(y * y)
  optimizer: {SGD: {lr: 0.01}}
  max_steps: 60
`, nil)
	summary, _ := diverged(t, path)
	c := summary.Divergence.Cause
	require.NotNil(t, c, summary.Divergence.Why)
	require.NotNil(t, c.OutOfRange, c.Node.Op.Name)
	require.Equal(t, []any{6, int64(6)}, []any{c.OutOfRange.Size, c.OutOfRange.Value})
}
