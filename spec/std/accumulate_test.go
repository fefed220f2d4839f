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
    batch: 4
model:
  inputs: {x: "f64[batch, 3]"}
  nodes:
    a: {Linear: x, out_features: 12, dtype: f64}
    logits: reshape(a, [batch, 3, 4])
    r: {Linear: x, out_features: 2, dtype: f64}
  outputs: [logits, r]
train:
  data: rows
  accumulate: 3
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
	require.Len(t, reference.Runs, 9)
	for i, r := range reference.Runs {
		device := []string{"cpu", "sim"}[i%2]
		t.Run(fmt.Sprintf("%s, clip %t, %s", r.Name, r.Clip, device), func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "rows.safetensors"), map[string]*flowrun.Tensor{
				"x": reference.X.in(flowrun.F64), "t": reference.T.in(flowrun.F64), "y": reference.Y.in(flowrun.I64), "mask": reference.Mask.in(flowrun.F64)}))
			spec := fmt.Sprintf(accumulatedSpec, r.Loss)
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
			require.EqualValues(t, 12, summary.Step)
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
