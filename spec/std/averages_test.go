package std_test

import (
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

const averagesSpec = `
flowrun: 1
modules:
  Number:
    inputs: {like: "f32[]"}
    params: {w: {shape: [], init: 2}}
    output: w + 0 * like
data:
  d: {generate: {x: "ones([])"}}
model:
  inputs: {x: "f32[]"}
  nodes: {a: {Number: x, dtype: DTYPE}, n: {BatchNorm: "reshape(stack([cast(a, 'f32'), 0.0 * x]), [2, 1])", affine: false}}
  outputs: [a, n]
train:
  data: d
  loss: cast(square(a - 1), "f32") + 0 * sum(n)
  optimizer: {SGD: {lr: 0.125}}
  averages: {ema: {decay: 0.75}, late: {decay: 0.5, start: 4}, swa: {start: 3, every: 2}, some: {match: "n.*"}}
  eval: {data: d, every: 1, weights: AVERAGE, metrics: {value: "cast(a, 'f32')"}}
  checkpoint: {every: 8}
  max_steps: 8
`

// averagesOf computes the averages of a weight's values after each step, as PyTorch's
// AveragedModel does with get_ema_avg_fn and get_swa_avg_fn, updated as the spec says.
func averagesOf(values []float64) map[string]float64 {
	ema, late, swa, n := 0.0, values[0], values[0], 0.0
	for i, v := range values {
		if ema = 0.75*ema + 0.25*v; i == 0 {
			ema = v
		}
		if late = 0.5*late + 0.5*v; i <= 3 {
			late = v
		}
		switch {
		case i < 2:
			swa = v
		case i%2 == 0:
			n++
			swa += (v - swa) / n
			if n == 1 {
				swa = v
			}
		}
	}
	return map[string]float64{"ema": ema, "late": late, "swa": swa, "some": values[len(values)-1]}
}

func TestAveragedWeightsAreEvaluated(t *testing.T) {
	for _, dtype := range []string{"f32", "bf16", "f64"} {
		for _, average := range []string{"ema", "late", "swa", "some"} {
			path := filepath.Join(t.TempDir(), "averages.yaml")
			text := strings.NewReplacer("DTYPE", dtype, "AVERAGE", average).Replace(averagesSpec)
			require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
			s := runtest.Started(t, path, flowrun.On(map[string]string{"f32": "cpu", "bf16": "sim", "f64": "sim"}[dtype]))
			var values []float64
			for step := int64(1); step <= 8; step++ {
				_, records := runtest.Ran(t, s, step)
				values = append(values, runtest.Weights(t, s)["a.w"].Float(0))
				got := records[len(records)-1].Metrics[0]
				near := map[string]float64{"f32": 1e-6, "f64": 1e-6, "bf16": 8e-3}[dtype] // the metric is in f32, the weight evaluated in bf16
				require.InDelta(t, averagesOf(values)[average], got, near, "%s in %s at step %d of %v", average, dtype, step, values)
			}
			averageIsSavedAndRead(t, s, path, average)
		}
	}
}

// averageIsSavedAndRead compares an average as a session gives it with what is read of a
// checkpoint, by the flag's rule and by train.init.
func averageIsSavedAndRead(t *testing.T, s *flowrun.Session, path, average string) {
	want, err := s.AveragedWeights(average)
	require.NoError(t, err)
	a, weight := want.Tensors["a.w"], runtest.Weights(t, s)["a.w"]
	require.Equal(t, weight.Type, a.Type)
	if average != "some" { // of n alone
		kept := get(t, s, "optimizer.averages."+average+".a.w").Float(0)
		require.InDelta(t, kept, a.Float(0), map[flowrun.DType]float64{flowrun.BF16: 1.0 / 256}[a.Type.DType]*math.Abs(kept)) // the bits of bf16
		require.NotEqual(t, weight, a)
	} else {
		require.Equal(t, weight, a)
	}
	_, err = s.AveragedWeights("em")
	require.ErrorContains(t, err, `no average "em"`)

	p, err := flowrun.Load(path)
	require.NoError(t, err)
	file := filepath.Join(filepath.Dir(path), "checkpoints", "step-000000008.safetensors")
	read, err := p.ReadWeightsBy(file, flowrun.WeightsRule{Average: average})
	require.NoError(t, err)
	require.Equal(t, want.Tensors, read.Tensors)
	require.Contains(t, strings.Join(read.Report().Lines(), "\n"), fmt.Sprintf("the average %q", average))
	_, err = p.ReadWeightsBy(file, flowrun.WeightsRule{Average: "em"})
	require.ErrorContains(t, err, `no average "em" of its weights; it has ema, late, some, swa`)
	weights := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, want.Save(weights))
	_, err = p.ReadWeightsBy(weights, flowrun.WeightsRule{Average: average})
	require.ErrorContains(t, err, "what --save-average writes is averaged already")

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	again := filepath.Join(filepath.Dir(path), "again.yaml")
	init := "  init: {safetensors: checkpoints/step-000000008.safetensors, average: " + average + "}\n"
	require.NoError(t, os.WriteFile(again, []byte(strings.Replace(string(text), "  checkpoint: {every: 8}\n", init, 1)), 0o666))
	require.Equal(t, want.Tensors, runtest.Weights(t, runtest.Started(t, again, flowrun.On("cpu"))))
}
