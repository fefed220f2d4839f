package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

const twoLayers = `flowrun: 1
data:
  d: {generate: {x: "uniform(-1, 1, [4, 2])"}}
model:
  inputs: {x: "f32[4, 2]"}
  nodes:
    a: {Linear: x, out_features: 2, bias: false}
    b: {Linear: a, out_features: 2, bias: false}
  outputs: [b]
  init: {safetensors: base.safetensors, partial: true}
train: {data: d, loss: mean(b * b), optimizer: {SGD: {lr: 0}}, max_steps: 1}
`

// squares are 2×2 tensors of one number each.
func squares(t *testing.T, path string, values map[string]float32) string {
	t.Helper()
	tensors := map[string]*flowrun.Tensor{}
	for name, v := range values {
		tensors[name] = ir.FromFloat32(flowrun.Shape{2, 2}, []float32{v, v, v, v})
	}
	require.NoError(t, flowrun.WriteTensors(path, tensors))
	return path
}

func TestWhatIsTakenFromFilesOfWeightsIsTold(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	spec := at("s.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(twoLayers), 0o666))
	base := squares(t, at("base.safetensors"), map[string]float32{"a.weight": 1, "b.weight": 2, "old": 3})
	given := squares(t, at("given.safetensors"), map[string]float32{"net.a.weight": 5, "net.c.weight": 6})

	code, out, problems := flowrunWith(t, "validate", "--data", spec)
	require.Zero(t, code, problems)
	require.Equal(t, "weights: 2 of 2 parameters from "+base+"\nweights: 1 tensor of the file is left: old\n", problems)
	require.Contains(t, out, "1 spec valid")
	_, _, problems = flowrunWith(t, "validate", spec)
	require.Empty(t, problems, "files are opened with --data only")

	rule := []string{"--weights", given, "--weights-rename", "net.*=*", "--weights-ignore", "net.c.*", "--weights-partial"}
	code, _, problems = flowrunWith(t, append([]string{"run", spec, "--save", at("w.safetensors")}, rule...)...)
	require.Zero(t, code, problems)
	require.Contains(t, problems, "weights: 2 of 2 parameters from "+base+"\n")
	require.Contains(t, problems, "weights: 1 of 2 parameters from "+given+"; b.weight keeps its initial value\nweights: 1 tensor is ignored: net.c.weight\n")
	saved, err := flowrun.ReadTensors(at("w.safetensors"))
	require.NoError(t, err)
	require.Equal(t, 5.0, saved["a.weight"].Float(0))
	require.Equal(t, 2.0, saved["b.weight"].Float(0), "the initial value of b is that of model.init")

	x := squares(t, at("x.safetensors"), nil)
	require.NoError(t, flowrun.WriteTensors(x, map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{4, 2}, []float32{1, 0, 0, 1, 0, 0, 1, 1})}))
	code, out, problems = flowrunWith(t, append([]string{"infer", spec, "--in", x}, rule...)...)
	require.Zero(t, code, problems)
	require.Equal(t, "b: f32[4, 2]{20, 20, 20, 20, 0, 0, 40, 40}\n", out)
}

func TestWrongFlagsOfWeightsAreNamed(t *testing.T) {
	dir := t.TempDir()
	spec := filepath.Join(dir, "s.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(twoLayers), 0o666))
	base := squares(t, filepath.Join(dir, "base.safetensors"), map[string]float32{"a.weight": 1, "b.weight": 2})
	tied := squares(t, filepath.Join(dir, "tied.safetensors"), map[string]float32{"a.weight": 1, "b.weight": 2, "head": 2})
	for want, args := range map[string][]string{
		`--weights-rename takes FROM=TO, got "a"`:                            {"--weights", base, "--weights-rename", "a"},
		`--weights-rename "a.*": "*.*" has 2 stars and "a.*" 1 star`:         {"--weights", base, "--weights-rename", "a.*=*.*"},
		"--weights-match has an empty pattern":                               {"--weights", base, "--weights-match", ""},
		"say how to take the file of --weights: name one":                    {"--weights-partial"},
		`average: the file has no average "ema"`:                             {"--weights", base, "--weights-average", "ema"},
		`match: the model has no parameter "c.*"`:                            {"--weights", base, "--weights-match", "c.*"},
		`rename: the file has no tensor "c"`:                                 {"--weights", base, "--weights-rename", "c=a.weight", "--weights-partial"},
		`two tensors are for b.weight: "a.weight" and "b.weight"`:            {"--weights", base, "--weights-rename", "a.weight=b.weight"},
		`head has the bits of b.weight, as of tied weights: write ignore: "`: {"--weights", tied},
	} {
		for _, command := range [][]string{{"run", spec}, {"infer", spec, "--in", base}} {
			code, _, problems := flowrunWith(t, append(command, args...)...)
			require.NotZero(t, code, want)
			require.Contains(t, problems, want)
		}
	}
	// One tensor may be for several parameters.
	code, _, problems := flowrunWith(t, "run", spec, "--weights", tied, "--weights-match", "*", "--weights-ignore", "*.weight", "--weights-rename", "head=a.weight", "--weights-rename", "head=b.weight")
	require.Zero(t, code, problems)
}

func TestAShardIsntOverwritten(t *testing.T) {
	dir := t.TempDir()
	spec := filepath.Join(dir, "s.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(twoLayers), 0o666))
	shard := squares(t, filepath.Join(dir, "m-00001-of-00002.safetensors"), map[string]float32{"a.weight": 1, "b.weight": 2})
	index := filepath.Join(dir, "m.safetensors.index.json")
	require.NoError(t, os.WriteFile(index, []byte(`{"weight_map": {"a.weight": "m-00001-of-00002.safetensors", "b.weight": "m-00001-of-00002.safetensors"}}`), 0o666))
	code, _, problems := flowrunWith(t, "run", spec, "--weights", index, "--save", shard)
	require.NotZero(t, code)
	require.Contains(t, problems, "would overwrite --weights")
	code, _, problems = flowrunWith(t, "run", spec, "--weights", shard)
	require.NotZero(t, code)
	require.Contains(t, problems, "is shard 1 of 2: name the index, "+index)
	code, _, problems = flowrunWith(t, "run", spec, "--weights", index)
	require.Zero(t, code, problems)
}
