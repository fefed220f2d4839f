package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

func f32s(shape flowrun.Shape, values ...float32) *flowrun.Tensor {
	t := ir.NewTensor(ir.Type{DType: ir.F32, Shape: shape})
	for i, v := range values {
		t.SetFloat(i, float64(v))
	}
	return t
}

func writeTensors(t *testing.T, path string, tensors map[string]*flowrun.Tensor) string {
	t.Helper()
	require.NoError(t, flowrun.WriteTensors(path, tensors))
	return path
}

func TestWeightsAreShownInNaturalOrderWithStatistics(t *testing.T) {
	path := writeTensors(t, filepath.Join(t.TempDir(), "w.safetensors"), map[string]*flowrun.Tensor{
		"h.10.weight": f32s(flowrun.Shape{2, 2}, 1, 2, 3, 4), "h.2.weight": f32s(flowrun.Shape{2}, 0, float32(math.NaN())), "h.2.bias": f32s(flowrun.Shape{0})})
	code, out, errors := flowrunWith(t, "weights", path)
	require.Equal(t, exitDone, code, errors)
	require.Equal(t, path+`: weights that flowrun has written
  tensors   3 tensors, 6 parameters, 24 B
  metadata  format: pt
  warning   h.2.weight isn't finite: 1 NaN, 0 infinite of 2 elements

  tensor       type       min  max  mean    std    norm  zeros
  h.2.bias     f32[0]       -    -     -      -       -      -
  h.2.weight   f32[2]       0    0     0      0       0      1
  h.10.weight  f32[2, 2]    1    4   2.5  1.118  5.4772      0
`, out)

	code, out, errors = flowrunWith(t, "weights", path, "--json")
	require.Equal(t, exitDone, code, errors)
	var j map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &j))
	require.Equal(t, map[string]any{"tensors": 3.0, "elements": 6.0, "bytes": 24.0}, j["totals"])
	last := j["tensors"].([]any)[2].(map[string]any)
	require.Equal(t, "h.10.weight", last["name"])
	require.Equal(t, map[string]any{"zeros": 0.0, "nan": 0.0, "inf": 0.0, "min": 1.0, "max": 4.0, "mean": 2.5, "std": math.Sqrt(1.25), "norm": math.Sqrt(30)}, last["statistics"])
}

func TestACheckpointIsDescribedInWords(t *testing.T) {
	spec, err := os.ReadFile("../../graphs/iris.yaml")
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string]string{"iris.yaml": string(spec) + "  checkpoint: {every: 100, best: {metric: eval.accuracy, mode: max}}\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
	data, err := os.ReadFile("../../graphs/iris.csv")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "iris.csv"), data, 0o666))
	saved := filepath.Join(dir, "w.safetensors")
	code, _, errors := flowrunWith(t, filepath.Join(dir, "iris.yaml"), "--max-steps", "100", "--save", saved)
	require.Equal(t, exitDone, code, errors)
	checkpoint := filepath.Join(dir, "checkpoints", "step-000000100.safetensors")
	code, out, errors := flowrunWith(t, "weights", checkpoint)
	require.Equal(t, exitDone, code, errors)
	for _, want := range []string{
		": a checkpoint at step 100, of the run ", "4 tensors, 67 parameters, 268 B; and ", "the run keeps the one with the largest eval.accuracy",
		"y: 3 classes: setosa versicolor virginica", "x: mean 5.8", "\n  other state", "\n  step  ",
	} {
		require.Contains(t, out, want)
	}
	code, out, errors = flowrunWith(t, "weights", saved, checkpoint)
	require.Equal(t, exitDone, code, errors)
	require.Regexp(t, `^equal: 4 tensors with the same values; \d+ states of the checkpoint, which aren't weights, are not compared; their metadata differ in `, out)
	code, out, errors = flowrunWith(t, "weights", checkpoint, "--spec")
	require.Equal(t, exitDone, code, errors)
	require.Contains(t, out, "name: iris\n")
	code, _, errors = flowrunWith(t, "weights", saved, "--spec")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "is no checkpoint of flowrun: only those have their spec in them")
}

func TestACheckpointWithoutABestHasNoWarning(t *testing.T) {
	plain := net(t, "  checkpoint: {every: 100}\n")
	code, _, errors := flowrunWith(t, plain)
	require.Equal(t, exitDone, code, errors)
	code, out, errors := flowrunWith(t, "weights", filepath.Join(filepath.Dir(plain), "checkpoints", checkpointOf(100)))
	require.Equal(t, exitDone, code, errors)
	require.Contains(t, out, "flowrun/best")
	require.NotContains(t, out, "warning", "it is NaN until there is one, which is no fault")
}

func TestDifferencesOfWeightsAreTold(t *testing.T) {
	dir := t.TempDir()
	a := writeTensors(t, filepath.Join(dir, "a"), map[string]*flowrun.Tensor{"same": f32s(flowrun.Shape{1}, 1), "w": f32s(flowrun.Shape{2, 2}, 1, 2, 3, 4), "t": f32s(flowrun.Shape{1, 2}), "old": f32s(flowrun.Shape{})})
	b := writeTensors(t, filepath.Join(dir, "b"), map[string]*flowrun.Tensor{"same": f32s(flowrun.Shape{1}, 1), "w": f32s(flowrun.Shape{2, 2}, 1, 2, 3.5, 4), "t": f32s(flowrun.Shape{2, 1}), "new": f32s(flowrun.Shape{})})
	code, out, errors := flowrunWith(t, "weights", a, b)
	require.Equal(t, exitProblems, code)
	require.Empty(t, errors)
	require.Equal(t, strings.ReplaceAll(strings.ReplaceAll(`only in A  old
only in B  new
another type`+strings.Repeat(" ", max(0, len("only in ")+len(a)-len("another type")))+`  t: f32[1, 2] and f32[2, 1], its transpose

tensor  type       differ  largest  at      values  relative  at          norm
w       f32[2, 2]       1      0.5  [1, 0]  3, 3.5   0.14286  [1, 0]  0.091287

4 of 5 tensors differ
`, "A", a), "B", b), out)

	code, out, _ = flowrunWith(t, "weights", a, b, "--json")
	require.Equal(t, exitProblems, code)
	var j map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &j))
	require.Equal(t, false, j["equal"])
	require.Equal(t, []any{"old"}, j["only_a"])
	require.Equal(t, []any{map[string]any{"name": "t", "a": "f32[1, 2]", "b": "f32[2, 1]", "transposed": true}}, j["types"])
	require.Equal(t, map[string]any{"value": 0.5, "index": []any{1.0, 0.0}, "a": 3.0, "b": 3.5}, j["tensors"].([]any)[1].(map[string]any)["absolute"])

	code, out, _ = flowrunWith(t, "weights", a, a)
	require.Equal(t, exitDone, code)
	require.Equal(t, "equal: 4 tensors with the same values\n", out)
}

func TestWeightsOfOtherFormatsAreNamed(t *testing.T) {
	dir := t.TempDir()
	content, err := os.ReadFile("../../foreign/testdata/torch.pt")
	require.NoError(t, err)
	misnamed := filepath.Join(dir, "model.safetensors")
	require.NoError(t, os.WriteFile(misnamed, content, 0o666))
	spec := "../../graphs/math_net.yaml"
	for _, args := range [][]string{{"weights", misnamed}, {"weights", misnamed, misnamed}, {"infer", spec, "--in", misnamed, "--weights", misnamed}, {spec, "--weights", misnamed}} {
		code, _, errors := flowrunWith(t, args...)
		require.Equal(t, exitFailed, code, args)
		require.Contains(t, errors, `it is a PyTorch file (torch.save: a zip archive with a pickle); to convert it, run in Python: import torch`, args)
	}
	code, _, errors := flowrunWith(t, "weights", dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "it is a folder; name a file in it, such as model.safetensors")
}

func TestTheUseOfWeightsIsChecked(t *testing.T) {
	for _, args := range [][]string{{"weights"}, {"weights", "a", "b", "c"}, {"weights", "a", "--spec", "--json"}, {"weights", "a", "b", "--spec"}} {
		code, _, errors := flowrunWith(t, args...)
		require.Equal(t, exitUsage, code, args)
		require.NotEmpty(t, errors)
	}
	code, _, errors := flowrunWith(t, "weights", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "no such file")
}

// Each command in docs/weights.md prints what the page shows.
func TestThePageOnWeightsShowsWhatIsPrinted(t *testing.T) {
	page, err := os.ReadFile("../../docs/weights.md")
	require.NoError(t, err)
	t.Chdir("../..")
	blocks := strings.Split(string(page), "```console\n$ flowrun ")[1:]
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		line, want, _ := strings.Cut(block, "\n")
		_, out, errors := flowrunWith(t, strings.Fields(line)...)
		require.Equal(t, want, out+errors)
	}
}
