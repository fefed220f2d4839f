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
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// A line is learned from batches of four; a test's keys are appended to the training
// section.
const lineSpec = `flowrun: 1
seed: 3
vars: {lr: 0.1}
data:
  points:
    generate:
      x: uniform(-1, 1, [4, 1])
      target: 3 * x + 1
  others:
    generate:
      x: uniform(-1, 1, [8, 1])
      target: 3 * x + 1
model:
  inputs: {x: "f32[batch, 1]"}
  nodes:
    h: {Linear: x, out_features: 3}
    y: {Linear: h, out_features: 1}
  outputs: [y]
train:
  data: points
  loss: mse_loss(y, target)
  optimizer: {OPTIMIZER}
  metrics: {loss: "ema(loss, 0.9)", y: "mean(y)"}
  max_steps: 40
`

// line is lineSpec with an optimizer and more keys, in a separate folder.
func line(t *testing.T, optimizer string, keys ...string) string {
	t.Helper()
	return inFile(t, "line.yaml", strings.Replace(lineSpec, "{OPTIMIZER}", optimizer, 1), keys)
}

// inFile writes a spec that ends in its train section, with more keys of it, to a file
// in a separate folder.
func inFile(t *testing.T, name, text string, keys []string) string {
	t.Helper()
	for _, k := range keys {
		text += "  " + k + "\n"
	}
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	return path
}

func tensor(t *testing.T, s *flowrun.Session, name string) []float32 {
	t.Helper()
	v, err := s.Get(name)
	require.NoError(t, err)
	return v.Float32s()
}

// gradients returns what one step of SGD with lr 1 subtracted from each parameter.
func gradients(t *testing.T, keys ...string) map[string][]float32 {
	t.Helper()
	s := runtest.Started(t, line(t, "{SGD: {lr: 1.0}}", keys...))
	before := runtest.Weights(t, s)
	runtest.Ran(t, s, 1)
	taken := map[string][]float32{}
	for name, w := range runtest.Weights(t, s) {
		for i, v := range w.Float32s() {
			taken[name] = append(taken[name], before[name].Float32s()[i]-v)
		}
	}
	return taken
}

func norm(gradients map[string][]float32) float64 {
	sum := 0.0
	for _, g := range gradients {
		for _, v := range g {
			sum += float64(v) * float64(v)
		}
	}
	return math.Sqrt(sum)
}

// Parameters are of magnitude 1, so a difference of two is exact to about 1e-7.
func TestClippingScalesAllGradientsToOneNorm(t *testing.T) {
	free := gradients(t)
	total := norm(free)
	require.Greater(t, total, 0.2)
	clipped := gradients(t, "clip_grad_norm: 0.1")
	require.InDelta(t, 0.1, norm(clipped), 1e-5)
	for name, g := range free {
		for i, v := range g {
			require.InDelta(t, float64(v)*0.1/(total+1e-6), clipped[name][i], 1e-6)
		}
	}
	require.Equal(t, free, gradients(t, "clip_grad_norm: 1e6"), "below the limit nothing changes")
}

func TestTheFirstMatchingParamGroupApplies(t *testing.T) {
	free := gradients(t)
	grouped := gradients(t, "param_groups:", `- {match: "h.weight", frozen: true}`, `- {match: "*.weight", lr: 0.5}`, `- {match: "*.bias", lr: "step * 1.0"}`)
	for i := range grouped["h.weight"] {
		require.Zero(t, grouped["h.weight"][i])
	}
	for i, v := range free["y.weight"] {
		require.InDelta(t, 0.5*v, grouped["y.weight"][i], 1e-6)
	}
	for _, name := range []string{"h.bias", "y.bias"} {
		for _, v := range grouped[name] {
			require.Zero(t, v, "step is 0")
		}
	}
}

// With SGD, the mean of four gradients at the same parameters is the gradient of the four
// batches combined.
func TestAccumulatedGradientsAreTheMeanOverTheirSteps(t *testing.T) {
	s := runtest.Started(t, line(t, "{SGD: {lr: 0.1, momentum: 0.9}}", "accumulate: 4"))
	before := runtest.Weights(t, s)
	sums := map[string][]float64{}
	for step := range 4 {
		for name, w := range runtest.Weights(t, s) {
			require.Equal(t, before[name], w, "step %d", step)
		}
		require.NoError(t, s.Step(context.Background()))
		if step < 3 {
			for name := range before {
				require.Len(t, tensor(t, s, "optimizer."+name+".grad"), len(before[name].Float32s()))
				sums[name] = nil
				for _, v := range tensor(t, s, "optimizer."+name+".grad") {
					sums[name] = append(sums[name], float64(v))
				}
			}
		}
	}
	for name, w := range runtest.Weights(t, s) {
		require.NotEqual(t, before[name], w)
		for _, v := range tensor(t, s, "optimizer."+name+".grad") {
			require.Zero(t, v, "a new sum begins")
		}
		velocity := tensor(t, s, "optimizer."+name+".velocity")
		for i, v := range w.Float32s() {
			require.InDelta(t, before[name].Float32s()[i]-0.1*velocity[i], v, 1e-7)
		}
	}
	// The same, from the individual gradients.
	want := map[string][]float64{}
	for batch := range int64(4) {
		one := runtest.Started(t, line(t, "{SGD: {lr: 1.0}}"))
		require.NoError(t, one.Set("step", ir.FromInt64(flowrun.I64, flowrun.Shape{}, []int64{batch})))
		require.NoError(t, one.Step(context.Background()))
		for name, w := range runtest.Weights(t, one) {
			if want[name] == nil {
				want[name] = make([]float64, len(w.Float32s()))
			}
			for i, v := range w.Float32s() {
				want[name][i] += float64(before[name].Float32s()[i]-v) / 4
			}
		}
	}
	for name := range want {
		for i, v := range tensor(t, s, "optimizer."+name+".velocity") {
			require.InDelta(t, want[name][i], v, 1e-6)
		}
	}
}

func TestTheOptimizersStepCountsUpdates(t *testing.T) {
	s := runtest.Started(t, line(t, "{SGD: {lr: step * 1.0}}", "accumulate: 3"))
	before := runtest.Weights(t, s)
	runtest.Ran(t, s, 5)
	require.Equal(t, before, runtest.Weights(t, s), "the first update is step 0")
	runtest.Ran(t, s, 6)
	require.NotEqual(t, before, runtest.Weights(t, s), "the second is step 1")
}

func TestParametersStartFromTheFileOfInit(t *testing.T) {
	first := runtest.Started(t, line(t, "{SGD: {lr: 0.1}}"))
	runtest.Ran(t, first, 10)
	learned := runtest.Weights(t, first)
	renamed := map[string]*flowrun.Tensor{"0.weight": learned["h.weight"]}
	for _, name := range []string{"h.bias", "y.weight", "y.bias"} {
		renamed[name] = learned[name]
	}
	path := line(t, "{SGD: {lr: 0.1}}", `init: {safetensors: w.safetensors, rename: {"0.weight": h.weight}}`)
	file := filepath.Join(filepath.Dir(path), "w.safetensors")
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	_, err = p.Start(context.Background())
	require.ErrorContains(t, err, "w.safetensors")

	require.NoError(t, flowrun.WriteTensors(file, renamed))
	require.Equal(t, learned, runtest.Weights(t, runtest.Started(t, path)))

	delete(renamed, "0.weight")
	renamed["y.weight"] = learned["h.weight"]
	require.NoError(t, flowrun.WriteTensors(file, renamed))
	_, err = p.Start(context.Background())
	require.ErrorContains(t, err, `rename: the file has no tensor "0.weight"; `)
	require.ErrorContains(t, err, "y.weight is f32[3, 1] in the file and f32[1, 3] in the model, which is its transpose")
}

func TestEvaluationsUseTheParametersOfTheirStep(t *testing.T) {
	for _, device := range []string{"cpu", "sim"} {
		t.Run(device, func(t *testing.T) {
			path := line(t, "{SGD: {lr: 0.1}}", `eval: {data: others, every: 5, batches: 3, metrics: {loss: loss, x: mean(x)}}`)
			s := runtest.Started(t, path, flowrun.On(device))
			_, records := runtest.Ran(t, s, 12)
			p, err := flowrun.Load(path)
			require.NoError(t, err)
			require.Equal(t, []string{"loss", "y", "eval.loss", "eval.x"}, p.Metrics())
			for _, r := range records[:4] {
				require.True(t, math.IsNaN(r.Metrics[2]))
			}
			for i, r := range records[4:] {
				require.Equal(t, records[4].Metrics[3], r.Metrics[3], "the same batches each time")
				if i%5 > 0 {
					require.Equal(t, records[4+i-1].Metrics[2:], r.Metrics[2:])
				}
			}
			require.Less(t, records[9].Metrics[2], records[4].Metrics[2])

			plain := runtest.Started(t, line(t, "{SGD: {lr: 0.1}}"), flowrun.On(device))
			_, same := runtest.Ran(t, plain, 12)
			for i, r := range same {
				require.Equal(t, r.Metrics, records[i].Metrics[:2], "training doesn't notice")
			}
		})
	}
}

func TestARunStopsWhenItsMetricNoLongerImproves(t *testing.T) {
	for _, c := range []struct {
		keys []string
		lr   string
		end  int64
	}{
		{[]string{"early_stop: {metric: y, patience: 7, mode: max, min_delta: 1e9}"}, "0.1", 1 + 7}, // the first value is the best
		{[]string{"early_stop: {metric: loss, patience: 5}"}, "0.0", 0},
		{[]string{"eval: {data: others, every: 4, metrics: {loss: loss}}", "early_stop: {metric: eval.loss, patience: 9}"}, "0.0", 4 + 9},
		{[]string{"eval: {data: others, every: 30, metrics: {loss: loss}}", "early_stop: {metric: eval.loss, patience: 9}"}, "0.0", 9},
	} {
		s := runtest.Started(t, line(t, "{SGD: {lr: "+c.lr+"}}", c.keys...))
		summary, records := runtest.Ran(t, s, 0)
		require.EqualValues(t, "early_stop", summary.Stopped)
		best, at := math.Inf(1), int64(0)
		if c.end == 0 {
			for _, r := range records {
				if r.Metrics[0] < best {
					best, at = r.Metrics[0], r.Step
				}
			}
			c.end = at + 5
		}
		require.Equal(t, c.end, summary.Steps, c.keys)
		again, _ := runtest.Ran(t, s, 0)
		require.Zero(t, again.Steps, "it has stopped already")
	}
}

func TestSetTakesPrecedenceOverAFileOfVars(t *testing.T) {
	path := line(t, "{SGD: {lr: lr}}")
	file := filepath.Join(t.TempDir(), "vars.yaml")
	check := func(text, want string, load ...flowrun.LoadOption) {
		t.Helper()
		require.NoError(t, os.WriteFile(file, []byte(text), 0o666))
		_, err := flowrun.Load(path, append(load, flowrun.VarsFrom(file))...)
		if want == "" {
			require.NoError(t, err)
			return
		}
		require.ErrorContains(t, err, want)
	}
	check("lr: 0.5\n", "")
	check("\nlr: fast\n", file+":2:5: the var lr has type float in the spec, not string")
	check("lr: 1\n\n rate: 2\n", file+":3")
	check("lr: 1\nrate: 2\n", file+":2:1: the spec has no var `rate`")
	check("[1]\n", file+":1:1: a vars file must be a mapping, not a list")
	_, err := flowrun.Load(path, flowrun.VarsFrom("nowhere.yaml"))
	require.EqualError(t, err, "nowhere.yaml: no such file or directory")
}
