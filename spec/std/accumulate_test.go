package std_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

// accumulated are runs of PyTorch on one large batch: testdata/reference/accumulate.json,
// from accumulate.py.
type accumulated struct {
	X, T, Y, Mask numbers
	First         map[string]numbers
	Runs          []struct {
		Name, Loss, Weight string
		Clip               bool
		After              map[string]numbers
	}
}

const accumulatedSpec = `
flowrun: 1
data:
  rows:
    safetensors: rows.safetensors
    fields: {x: {type: "f64[3]"}, t: {type: "f64[2]"}, y: {type: "i64[4]"}, mask: {type: "f64[4]"}}
    batch: %d
model:
  inputs: {x: "f64[batch, 3]"}
  nodes:
    a: {Linear: x, out_features: 12, dtype: f64}
    logits: reshape(a, [batch, 3, 4])
    r: {Linear: x, out_features: 2, dtype: f64}
  outputs: [logits, r]
train:
  data: rows
  accumulate: %d
  optimizer: {SGD: {lr: 0.125, momentum: 0.5}}
  epochs: 4
  loss: '%s'
`

// Four updates add up rounding errors of 1e-16, of values up to 10.
func TestAccumulatedBatchesAreOneLargeBatch(t *testing.T) {
	var reference accumulated
	text, err := os.ReadFile("testdata/reference/accumulate.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &reference))
	require.Len(t, reference.Runs, 17)
	for i, r := range reference.Runs {
		device := []string{"cpu", "sim"}[i%2]
		of := [][2]int{{4, 3}, {3, 4}}[i/2%2] // batches of 4, 4 and 2 examples, or of 3, 3, 3 and 1
		t.Run(fmt.Sprintf("%s, clip %t, %s", r.Name, r.Clip, device), func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "rows.safetensors"), map[string]*flowrun.Tensor{
				"x": reference.X.in(flowrun.F64), "t": reference.T.in(flowrun.F64), "y": reference.Y.in(flowrun.I64), "mask": reference.Mask.in(flowrun.F64)}))
			spec := fmt.Sprintf(accumulatedSpec, of[0], of[1], r.Loss)
			if r.Weight != "" {
				spec += "  weight: " + r.Weight + "\n"
			}
			if r.Clip {
				spec += "  clip_grad_norm: 0.5\n"
			}
			path := filepath.Join(dir, "accumulated.yaml")
			require.NoError(t, os.WriteFile(path, []byte(spec), 0o666))
			first := runtest.Weights(t, runtest.Started(t, path, flowrun.On(device)))
			for name := range first {
				first[name] = reference.First[name].in(flowrun.F64)
			}
			s := runtest.Started(t, path, flowrun.On(device), flowrun.WithWeights(flowrun.Weights{Tensors: first}))
			summary, _ := runtest.Ran(t, s, 0)
			require.EqualValues(t, 4*of[1], summary.Step)
			after := runtest.Weights(t, s)
			for name, want := range r.After {
				got := make([]float64, len(want.Values))
				for i := range got {
					got[i] = after[name].Float(i)
				}
				requireNearRelative(t, name, want.Values, got, 1e-13)
			}
		})
	}
}

// Where the batch is in another dim, sums and means are still those of the examples; and
// averages of the weights count updates.
func TestAccumulationFindsTheExamplesInAnyDim(t *testing.T) {
	const text = `
flowrun: 1
data:
  rows: {safetensors: rows.safetensors, fields: {x: {type: "f64[6]"}, m: {type: "f64[]"}}, batch: %d}
model:
  inputs: {x: "f64[batch, 6]"}
  nodes:
    a: {Linear: x, out_features: 3, dtype: f64}
    turned: transpose(a, 0, 1)
    past: {LSTM: "reshape(transpose(reshape(a, [batch, 3, 1]), 0, 1), [3, batch, 1])", hidden_size: 2, batch_first: false, dtype: f64}
  outputs: [a]
train:
  data: rows
  accumulate: %d
  optimizer: {SGD: {lr: 0.125}}
  averages: {ema: {decay: 0.5}, swa: {start: 2}, some: {start: 1, every: 2, decay: 0.25}}
  epochs: 4
  loss: '%s'
`
	x, m := numbers{Shape: []int{10, 6}}, numbers{Shape: []int{10}}
	for i := range 60 {
		x.Values = append(x.Values, float64(i*i%17)/8-1)
	}
	for i := range 10 {
		m.Values = append(m.Values, float64(i%3))
	}
	for _, loss := range []string{
		"mean(square(turned))", "0.25 * sum(square(turned))", "sum(mean(square(turned), 1))", "mean(sqrt(1.0 + sum(square(turned), 0)))",
		"mean(square(past.out))", "sum(square(turned) * m) / sum(m)", "sum(square(turned) * m) / count(m > 0)", "mean(square(reshape(turned, [-1])))",
	} {
		var after []map[string]*flowrun.Tensor
		for _, of := range [][2]int{{4, 3}, {10, 1}} {
			dir := t.TempDir()
			require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "rows.safetensors"), map[string]*flowrun.Tensor{"x": x.in(flowrun.F64), "m": m.in(flowrun.F64)}))
			path := filepath.Join(dir, "s.yaml")
			require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, text, of[0], of[1], loss), 0o666))
			s := runtest.Started(t, path, flowrun.On("cpu"))
			runtest.Ran(t, s, 0)
			weights := runtest.Weights(t, s)
			for _, average := range []string{"ema", "swa", "some"} {
				weights[average] = get(t, s, "optimizer.averages."+average+".a.weight")
			}
			after = append(after, weights)
		}
		for name, want := range after[1] {
			for i := range want.Type.Shape.Numel() {
				require.InDelta(t, want.Float(i), after[0][name].Float(i), 1e-13, "%s of %s", name, loss)
			}
		}
	}
}

// Recorded batches may have time first: the inputs say which dim is the batch's.
func TestAccumulatedRecordingsMayHaveTimeFirst(t *testing.T) {
	const text = `
flowrun: 1
data: {rows: {replay: rows.safetensors, fields: {x: {tensor: x, type: "f64[3, %d, 2]"}, m: {tensor: m, type: "f64[3, %[1]d]"}}}}
model:
  inputs: {x: "f64[time, batch, 2]"}
  nodes:
    past: {GRU: x, hidden_size: 2, batch_first: false, dtype: f64}
    each: square(past.out)
  outputs: [each]
train:
  data: rows
  accumulate: %d
  optimizer: {SGD: {lr: 0.125, momentum: 0.5}}
  max_steps: %d
  loss: mean(sqrt(sum(each, [0, 2]))) + sum(sum(each, -1) * m) / maximum(sum(m), 1)
`
	var after []map[string]*flowrun.Tensor
	for _, of := range []struct{ batch, accumulate, steps int }{{2, 2, 4}, {4, 1, 2}} {
		x, m := numbers{Shape: []int{of.steps, 3, of.batch, 2}}, numbers{Shape: []int{of.steps, 3, of.batch}}
		for step := range of.steps {
			for time := range 3 {
				for i := range of.batch {
					example := step*of.batch + i
					x.Values = append(x.Values, float64(example*example%7+time)/8, float64((example+time)%5)/4-0.5)
					m.Values = append(m.Values, float64((example+time)%3/2))
				}
			}
		}
		dir := t.TempDir()
		require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "rows.safetensors"), map[string]*flowrun.Tensor{"x": x.in(flowrun.F64), "m": m.in(flowrun.F64)}))
		path := filepath.Join(dir, "s.yaml")
		require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, text, of.batch, of.accumulate, of.steps), 0o666))
		s := runtest.Started(t, path, flowrun.On("cpu"))
		runtest.Ran(t, s, 0)
		after = append(after, runtest.Weights(t, s))
	}
	for name, want := range after[1] {
		for i := range want.Type.Shape.Numel() {
			require.InDelta(t, want.Float(i), after[0][name].Float(i), 1e-14, name)
		}
	}
}
