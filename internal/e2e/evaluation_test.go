package e2e_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// everyState has every kind of state: parameters, trained and frozen; running averages; a
// module's counter; random draws; the optimizer's moments, gradient sums and metrics. It
// is evaluated on other batches than it is trained on.
const everyState = `flowrun: 1
seed: 11
data:
  train: {generate: {x: "uniform(-1, 1, [6, 3])", target: "sum(x, dim=1, keepdim=true) * 2 + 1"}}
  held:
    replay: held.safetensors
    fields: {x: {tensor: x, type: "f32[6, 3]"}, target: {tensor: t, type: "f32[6, 1]"}}
modules:
  Tally:
    doc: adds a hundredth of how many steps were trained; a buffer counts them.
    inputs: {x: "float[...]"}
    state: {seen: {init: 0.0}}
    nodes: {out: x + 0.01 * seen}
    update: {seen: seen + 1.0}
    output: out
model:
  inputs: {x: "f32[6, 3]"}
  nodes:
    a: {Linear: x, out_features: 5}
    n: {BatchNorm: a}
    d: {Dropout: n, p: 0.3}
    k: {Linear: d, out_features: 4, trainable: false}
    c: {Tally: tanh(k)}
    y: {Linear: c, out_features: 1}
  outputs: [y]
train:
  data: train
  loss: mse_loss(y, target)
  optimizer: {AdamW: {lr: 0.05 * 0.99 ** step}}
  accumulate: 2
  clip_grad_norm: 5.0
  metrics: {smooth: "ema(loss, 0.9)", largest: max(abs(y))}
  eval: {data: held, every: 3, batches: 4, metrics: {loss: loss, mean: mean(y), smooth: "ema(loss, 0.9)"}}
  checkpoint: {every: 3, keep: 100}
  max_steps: 14
`

// heldOut is the evaluation data of everyState, plus an extra row that it doesn't use.
func heldOut(rows int) map[string]*flowrun.Tensor {
	x, target := make([]float32, rows*6*3), make([]float32, rows*6)
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	for i := range target {
		target[i] = float32(math.Cos(float64(3*i)) + float64(i/6))
	}
	return map[string]*flowrun.Tensor{
		"x": ir.FromFloat32(flowrun.Shape{rows, 6, 3}, x),
		"t": ir.FromFloat32(flowrun.Shape{rows, 6, 1}, target),
	}
}

// The results of train.eval at a step equal those of the model with the weights of that
// step's checkpoint, computed batch by batch in separate programs, with the metrics
// computed here.
func TestAnEvaluationAgreesWithInferenceFromTheCheckpointOfItsStep(t *testing.T) {
	for _, device := range []string{"cpu", "sim"} {
		t.Run(device, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "everything.yaml")
			require.NoError(t, os.WriteFile(path, []byte(everyState), 0o666))
			held := heldOut(5)
			require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "held.safetensors"), held))
			s := runtest.Started(t, path, flowrun.On(device))
			_, records := runtest.Ran(t, s, 0)
			require.Len(t, records, 14)
			for step := int64(3); step <= 12; step += 3 {
				saved, err := flowrun.ReadTensors(filepath.Join(dir, "checkpoints", fmt.Sprintf("step-%09d.safetensors", step)))
				require.NoError(t, err)
				require.EqualValues(t, step, saved["c.seen"].Float(0), "the checkpoint is that of the step")
				loss, mean := evaluatedApart(t, path, device, weightsAmong(t, s, saved), held, 4)
				got := records[step-1].Metrics[3:]
				require.InEpsilon(t, loss, got[0], 1e-5, "step %d", step)
				require.InDelta(t, mean, got[1], 1e-5, "step %d", step)
				require.InEpsilon(t, loss, got[2], 1e-5, "an average that nothing writes starts again with each batch")
				if step > 3 {
					require.NotEqual(t, records[step-2].Metrics[3:], got, "the evaluation of step %d is new", step)
				}
			}
		})
	}
}

// weightsAmong returns the tensors of a checkpoint that are a session's weights.
func weightsAmong(t *testing.T, s *flowrun.Session, saved map[string]*flowrun.Tensor) map[string]*flowrun.Tensor {
	t.Helper()
	among := map[string]*flowrun.Tensor{}
	for name := range runtest.Weights(t, s) {
		require.Contains(t, saved, name)
		among[name] = saved[name]
	}
	return among
}

// evaluatedApart evaluates the model on the first batches, one by one, and returns the
// means of their losses and outputs.
func evaluatedApart(t *testing.T, path, device string, weights, held map[string]*flowrun.Tensor, batches int) (loss, mean float64) {
	t.Helper()
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	xs, targets := held["x"].Float32s(), held["t"].Float32s()
	for b := range batches {
		x := ir.FromFloat32(flowrun.Shape{6, 3}, slices.Clone(xs[b*18:(b+1)*18]))
		out, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": x}, flowrun.On(device), flowrun.WithWeights(flowrun.Weights{Tensors: weights}))
		require.NoError(t, err)
		for i, y := range out["y"].Float32s() {
			d := float64(y) - float64(targets[b*6+i])
			loss += d * d / float64(6*batches)
			mean += float64(y) / float64(6*batches)
		}
	}
	return loss, mean
}
