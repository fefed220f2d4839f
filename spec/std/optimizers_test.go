package std_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/spec"
)

// Six steps of each optimizer, in f64 and in f32, on parameters of several shapes whose
// gradients are given: testdata/reference/optimizers.json, from optimizers.py.
func TestOptimizersFollowPyTorchOnParametersOfAllShapes(t *testing.T) {
	var reference struct {
		First, Grads map[string]numbers
		Runs         []struct {
			Spec  string
			After map[string]numbers
		}
	}
	text, err := os.ReadFile("testdata/reference/optimizers.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &reference))
	require.Len(t, reference.Runs, 12)
	for i, r := range reference.Runs {
		// f64 rounds at 1e-16 and f32 at 6e-8; six steps add that up, and Muon's iterations,
		// which move what is far from 1 the most, make it a hundred times as much.
		for precision, near := range map[string]float64{"f64": 1e-12, "f32": 2e-5} {
			device := []string{"cpu", "sim"}[i%2]
			t.Run(strings.Join([]string{r.Spec, precision, device}, " "), func(t *testing.T) {
				dir := t.TempDir()
				dtype := map[string]flowrun.DType{"f64": flowrun.F64, "f32": flowrun.F32}[precision]
				var fields, inputs, modules, nodes, sums []string
				grads, first := map[string]*flowrun.Tensor{}, map[string]*flowrun.Tensor{}
				for _, name := range slices.Sorted(maps.Keys(r.After)) {
					p := reference.First[name]
					dims := strings.Trim(p.Shape.String(), "[]")
					grads[name], first[name+".w"] = reference.Grads[name].in(dtype), p.in(dtype)
					fields = append(fields, fmt.Sprintf("%s: {tensor: %[1]s, type: \"%s[%s]\"}", name, precision, dims))
					inputs = append(inputs, fmt.Sprintf("%s: \"%s[%s]\"", name, precision, dims))
					modules = append(modules, fmt.Sprintf("  Of_%s: {inputs: {x: \"any[%s]\"}, params: {w: {shape: [%[2]s], init: 0}}, output: sum(w * x)}\n", name, dims))
					nodes = append(nodes, fmt.Sprintf("    p_%s: {Of_%[1]s: %[1]s, name: %[1]s, dtype: %s}\n", name, precision))
					sums = append(sums, "p_"+name)
				}
				require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "rows.safetensors"), grads))
				text := fmt.Sprintf(`flowrun: 1
data: {rows: {replay: rows.safetensors, fields: {%s}}}
modules:
%smodel:
  inputs: {%s}
  nodes:
%s  outputs: [%s]
train: {data: rows, loss: %s, optimizer: {%s}, max_steps: 6}
`, strings.Join(fields, ", "), strings.Join(modules, ""), strings.Join(inputs, ", "), strings.Join(nodes, ""), sums[0], strings.Join(sums, " + "), r.Spec)
				path := filepath.Join(dir, "optimizer.yaml")
				require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
				s := runtest.Started(t, path, flowrun.On(device), flowrun.WithWeights(flowrun.Weights{Tensors: first}))
				runtest.Ran(t, s, 0)
				after := runtest.Weights(t, s)
				for name, want := range r.After {
					got := make([]float64, len(want.Values))
					for i := range got {
						got[i] = after[name+".w"].Float(i)
					}
					requireNearRelative(t, name, want.Values, got, near)
				}
			})
		}
	}
}

func TestAParameterThatAnOptimizerDoesNotTakeIsNamed(t *testing.T) {
	_, list := spec.Parse("s.yaml", []byte(`flowrun: 1
data: {d: {generate: {x: "normal(0, 1, [4, 3])"}}}
model:
  inputs: {x: "f32[4, 3]"}
  nodes: {a: {Linear: x, out_features: 2}}
  outputs: [a]
train: {data: d, loss: mean(square(a)), optimizer: {Muon: {lr: 0.1}}, max_steps: 2}
`), spec.Options{})
	require.Contains(t, list.Text(), "Muon requires that the parameter is a matrix (give others another optimizer in param_groups), but shape is [2] for the parameter a.bias")
}
