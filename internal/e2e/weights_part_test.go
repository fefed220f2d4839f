package e2e_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
)

// Weights in part: of train.init, of model.init, and of who calls.

// trainedLine is what the line learns in ten steps, in the folder of a spec with more keys.
func trainedLine(t *testing.T, keys ...string) (spec string, learned map[string]*flowrun.Tensor) {
	t.Helper()
	s := runtest.Started(t, line(t, "{SGD: {lr: 0.1}}"))
	runtest.Ran(t, s, 10)
	return line(t, "{SGD: {lr: 0.1}}", keys...), runtest.Weights(t, s)
}

// only are some of the tensors.
func only(tensors map[string]*flowrun.Tensor, names ...string) map[string]*flowrun.Tensor {
	some := map[string]*flowrun.Tensor{}
	for _, name := range names {
		some[name] = tensors[name]
	}
	return some
}

// begins starts a spec and gives its weights and what was told of files.
func begins(t *testing.T, spec string, options ...flowrun.StartOption) (weights map[string]*flowrun.Tensor, told []string) {
	t.Helper()
	s := runtest.Started(t, spec, append(options, flowrun.OnWeights(func(r *flowrun.WeightsReport) { told = append(told, r.Lines()...) }))...)
	return runtest.Weights(t, s), told
}

// write writes tensors beside a spec.
func writeBeside(t *testing.T, spec, name string, tensors map[string]*flowrun.Tensor) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(spec), name)
	require.NoError(t, flowrun.WriteTensors(path, tensors))
	return path
}

func TestWhatAPartialFileLacksKeepsItsFirstValue(t *testing.T) {
	spec, learned := trainedLine(t, "init: {safetensors: w.safetensors, partial: true}")
	fresh, _ := begins(t, line(t, "{SGD: {lr: 0.1}}"))
	part := only(learned, "h.weight", "h.bias")
	part["other"] = learned["y.bias"]
	path := writeBeside(t, spec, "w.safetensors", part)

	want := maps.Clone(fresh)
	maps.Copy(want, only(learned, "h.weight", "h.bias"))
	got, told := begins(t, spec)
	require.Equal(t, want, got)
	require.Equal(t, []string{
		"weights: 2 of 4 parameters from " + path + "; y.bias, y.weight keep their initial values",
		"weights: 1 tensor of the file is left: other",
	}, told)

	// The same from Go, over what the spec's init says.
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	w, err := p.ReadWeightsBy(path, flowrun.WeightsRule{Match: []string{"h.weight"}})
	require.NoError(t, err)
	require.Equal(t, []string{"h.bias", "y.bias", "y.weight"}, w.Report().Kept)
	got, told = begins(t, spec, flowrun.WithWeights(w))
	want = maps.Clone(fresh)
	want["h.weight"] = learned["h.weight"]
	require.Equal(t, want, got)
	require.Len(t, told, 2)

	// A map that lacks parameters isn't partial.
	_, err = p.Start(t.Context(), flowrun.WithWeights(flowrun.Weights{Tensors: part}))
	require.ErrorContains(t, err, "y.weight (f32[1, 3]) is missing")
	_, err = p.ReadWeights(path)
	require.ErrorContains(t, err, path+" doesn't fit the model: y.bias (f32[1]) is missing; y.weight (f32[1, 3]) is missing; other (f32[1]) is no parameter of the model")
}

func TestARunFromAPartialFileIsThatFromItsParameters(t *testing.T) {
	spec, learned := trainedLine(t, "init: {safetensors: w.safetensors, match: h.*}")
	fresh, _ := begins(t, line(t, "{SGD: {lr: 0.1}}"))
	writeBeside(t, spec, "w.safetensors", learned)
	s := runtest.Started(t, spec)
	runtest.Ran(t, s, 20)

	whole := maps.Clone(fresh)
	maps.Copy(whole, only(learned, "h.weight", "h.bias"))
	other := runtest.Started(t, line(t, "{SGD: {lr: 0.1}}"), flowrun.WithWeights(flowrun.Weights{Tensors: whole}))
	runtest.Ran(t, other, 20)
	require.Equal(t, runtest.Weights(t, other), runtest.Weights(t, s))
}

// sharded writes tensors as an index with two shards.
func sharded(t *testing.T, dir string, tensors map[string]*flowrun.Tensor, metadata map[string]string) string {
	t.Helper()
	parts, shardOf := []map[string]*flowrun.Tensor{{}, {}}, map[string]string{}
	names := []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
	i := 0
	for name, tensor := range tensors {
		parts[i%2][name], shardOf[name] = tensor, names[i%2]
		i++
	}
	for i, part := range parts {
		require.NoError(t, safetensors.WriteWith(filepath.Join(dir, names[i]), part, metadata))
	}
	text, err := json.Marshal(map[string]any{"weight_map": shardOf})
	require.NoError(t, err)
	path := filepath.Join(dir, "model.safetensors.index.json")
	require.NoError(t, os.WriteFile(path, text, 0o666))
	return path
}

func TestShardedWeightsAreThoseOfOneFile(t *testing.T) {
	spec, learned := trainedLine(t, "init: {safetensors: model.safetensors.index.json}")
	dir := filepath.Dir(spec)
	path := sharded(t, dir, learned, nil)
	findings := flowrun.Check(spec, flowrun.WithFiles())
	require.NotContains(t, findings.Text(), "unfit-file")
	got, told := begins(t, spec)
	require.Equal(t, learned, got)
	require.Equal(t, []string{"weights: 4 of 4 parameters from " + path}, told)
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	require.Contains(t, p.Files(), filepath.Join(dir, "model-00002-of-00002.safetensors"), "whoever writes must not overwrite it")

	// A shard that a link leads out of the spec's folder.
	second := filepath.Join(dir, "model-00002-of-00002.safetensors")
	elsewhere := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.Rename(second, elsewhere))
	require.NoError(t, os.Symlink(elsewhere, second))
	_, err = p.Start(t.Context())
	require.ErrorContains(t, err, "outside the spec's folder")
	_, err = p.ReadWeights(path)
	require.ErrorContains(t, err, "outside the index's folder")
	require.NoError(t, os.Remove(second))
	findings = flowrun.Check(spec, flowrun.WithFiles())
	require.Contains(t, findings.Text(), "unfit-file")
	require.Contains(t, findings.Text(), "model-00002-of-00002.safetensors")
}

const decoderSpec = `flowrun: 1
model:
  inputs: {h: "f32[2, 3]"}
  nodes:
    y: {Linear: h, out_features: 1}
    decoded: y * 1
  outputs: [decoded]
  init: {safetensors: w.safetensors, match: y.*}
`

// A model that infers with a part of what another one has learned.
func TestModelInitIsWhatAModelInfersWith(t *testing.T) {
	_, learned := trainedLine(t)
	dir := t.TempDir()
	spec := put(t, dir, "decoder.yaml", decoderSpec)
	path := writeBeside(t, spec, "w.safetensors", learned)
	p, err := flowrun.Load(spec, flowrun.WithFiles())
	require.NoError(t, err)
	var told []string
	h := map[string]*flowrun.Tensor{"h": ir.FromFloat32(flowrun.Shape{2, 3}, []float32{1, 0, 0, 0, 1, 2})}
	out, err := p.Infer(t.Context(), h, flowrun.OnWeights(func(r *flowrun.WeightsReport) { told = append(told, r.Lines()...) }))
	require.NoError(t, err)
	w, b := learned["y.weight"].Float32s(), learned["y.bias"].Float32s()
	require.InDeltaSlice(t, []float32{w[0] + b[0], w[1] + 2*w[2] + b[0]}, out["decoded"].Float32s(), 1e-6)
	require.Equal(t, []string{"weights: 2 of 2 parameters from " + path, "weights: 2 tensors of the file are left: h.bias, h.weight"}, told)
	require.Contains(t, p.Files(), path)

	// Others that are given come before it.
	one := map[string]*flowrun.Tensor{"y.weight": ir.FromFloat32(flowrun.Shape{1, 3}, []float32{1, 1, 1}), "y.bias": ir.FromFloat32(flowrun.Shape{1}, []float32{0})}
	out, err = p.Infer(t.Context(), h, flowrun.WithWeights(flowrun.Weights{Tensors: one}))
	require.NoError(t, err)
	require.Equal(t, []float32{1, 3}, out["decoded"].Float32s())

	// What they leave out on purpose is taken from it.
	some, err := p.ReadWeightsBy(writeBeside(t, spec, "one.safetensors", one), flowrun.WeightsRule{Match: []string{"*.weight"}})
	require.NoError(t, err)
	out, err = p.Infer(t.Context(), h, flowrun.WithWeights(some))
	require.NoError(t, err)
	require.InDeltaSlice(t, []float32{1 + b[0], 3 + b[0]}, out["decoded"].Float32s(), 1e-6)

	require.NoError(t, os.Remove(path))
	_, err = p.Infer(t.Context(), h)
	require.ErrorContains(t, err, "model.init: ")
	_, err = p.Infer(t.Context(), h, flowrun.WithWeights(flowrun.Weights{Tensors: one}))
	require.NoError(t, err, "whoever gives all has no use for the file")
}

func TestTrainingBeginsWithModelInitWhereTrainInitGivesNoOthers(t *testing.T) {
	_, learned := trainedLine(t)
	ones := map[string]*flowrun.Tensor{"y.bias": ir.FromFloat32(flowrun.Shape{1}, []float32{7})}
	text := strings.Replace(lineSpec, "{OPTIMIZER}", "{SGD: {lr: 0.1}}", 1)
	text = strings.Replace(text, "  outputs: [y]\n", "  outputs: [y]\n  init: {safetensors: model.safetensors}\n", 1)
	spec := inFile(t, "line.yaml", text, nil)
	writeBeside(t, spec, "model.safetensors", learned)
	got, _ := begins(t, spec)
	require.Equal(t, learned, got)

	both := put(t, filepath.Dir(spec), "both.yaml", text+"  init: {safetensors: train.safetensors, partial: true}\n")
	writeBeside(t, both, "train.safetensors", ones)
	want := maps.Clone(learned)
	want["y.bias"] = ones["y.bias"]
	got, told := begins(t, both)
	require.Equal(t, want, got)
	require.Len(t, told, 2)
}

// The best checkpoint is weights like any other: for inference, a run, and with shards of
// them.
func TestTheBestCheckpointIsWeights(t *testing.T) {
	spec := line(t, "{AdamW: {lr: 0.05}}", "checkpoint: {every: 5, best: {metric: loss}}")
	s := runtest.Started(t, spec)
	runtest.Ran(t, s, 20)
	learned := runtest.Weights(t, s)
	require.NoError(t, s.Close())
	best := filepath.Join(filepath.Dir(spec), "checkpoints", "best.safetensors")
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	w, err := p.ReadWeights(best)
	require.NoError(t, err)
	require.Len(t, w.Tensors, 4)
	require.Empty(t, w.Report().Left)
	require.NotEqual(t, learned["h.weight"].Float32s(), fresh(t)["h.weight"].Float32s())

	init := line(t, "{SGD: {lr: 0.1}}", "init: {safetensors: best.safetensors, match: [h.weight, y.*]}")
	content, err := os.ReadFile(best)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(init), "best.safetensors"), content, 0o666))
	got, told := begins(t, init)
	require.Equal(t, only(w.Tensors, "h.weight", "y.weight", "y.bias"), only(got, "h.weight", "y.weight", "y.bias"))
	require.Equal(t, fresh(t)["h.bias"], got["h.bias"])
	require.Contains(t, told[1], "1 tensor of the file is left: h.bias", "the optimizer's states aren't spoken of")

	// Its moments can be taken by name.
	m, err := p.ReadWeightsBy(best, flowrun.WeightsRule{Partial: true, Ignore: []string{"h.*", "y.*"}, Rename: []flowrun.WeightsRename{{From: "optimizer.*.m", To: []string{"*"}}}})
	require.NoError(t, err)
	require.Len(t, m.Tensors, 4)
}

// fresh are the line's initial values.
func fresh(t *testing.T) map[string]*flowrun.Tensor {
	t.Helper()
	w, _ := begins(t, line(t, "{SGD: {lr: 0.1}}"))
	return w
}

// What weights know of the data comes with them: in part, in shards, and from two files.
func TestWhatWasLearnedComesWithPartsOfWeights(t *testing.T) {
	dir, spec := pets(t, "3", "mean")
	w := petWeights(t, spec)
	saved := filepath.Join(dir, "w.safetensors")
	require.NoError(t, w.Save(saved))
	in := put(t, dir, "new.csv", "size,species\n1,cat\n,eel\n")
	want, err := inferred(t, spec, in, w)
	require.NoError(t, err)
	put(t, dir, "pets.csv", "size,species\n10,ape\n20,bee\n30,cat\n") // nothing is learned from it any more

	file, err := safetensors.Open(saved)
	require.NoError(t, err)
	metadata := maps.Clone(file.Metadata())
	require.NoError(t, file.Close())
	index := sharded(t, dir, w.Tensors, metadata)
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	for _, rule := range []flowrun.WeightsRule{{}, {Partial: true}, {Match: []string{"logits.*"}}} {
		for _, path := range []string{saved, index} {
			read, err := p.ReadWeightsBy(path, rule)
			require.NoError(t, err)
			have, err := inferred(t, spec, in, read)
			require.NoError(t, err)
			require.Equal(t, want, have)
		}
	}

	// Two files that know different things don't go together.
	half := w
	half.Tensors = only(w.Tensors, "logits.weight")
	require.NoError(t, half.Save(filepath.Join(dir, "half.safetensors")))
	text, err := os.ReadFile(spec)
	require.NoError(t, err)
	with := strings.Replace(string(text), "  outputs:", "  init: {safetensors: w.safetensors}\n  outputs:", 1)
	both := put(t, dir, "both.yaml", with+"  init: {safetensors: half.safetensors, partial: true}\n")
	put(t, dir, "pets.csv", "size,species\n1,cat\n2,dog\n3,eel\n")
	s := runtest.Started(t, both)
	require.NoError(t, s.Close())
	require.NoError(t, safetensors.WriteWith(filepath.Join(dir, "half.safetensors"), half.Tensors,
		map[string]string{"flowrun.data": `{"y": {"classes": ["ape", "bee", "cat"]}}`}))
	p, err = flowrun.Load(both)
	require.NoError(t, err)
	_, err = p.Start(context.Background())
	require.ErrorContains(t, err, "they know different things of the field y")
}

// A buffer is a weight: running statistics are asked for, and taken.
func TestBuffersAreWeights(t *testing.T) {
	dir := t.TempDir()
	const text = `flowrun: 1
model:
  inputs: {x: "f32[1, 2]"}
  nodes: {bn: {BatchNorm: x}}
  outputs: [bn]
`
	one := func(v float32) *flowrun.Tensor { return ir.FromFloat32(flowrun.Shape{2}, []float32{v, v}) }
	path := filepath.Join(dir, "torch.safetensors")
	require.NoError(t, flowrun.WriteTensors(path, map[string]*flowrun.Tensor{
		"bn.weight": one(1), "bn.bias": one(0), "bn.running_mean": one(3), "bn.running_var": one(4),
		"bn.num_batches_tracked": ir.ScalarTensor(ir.I64, int64(9)),
	}))
	p, err := flowrun.Load(put(t, dir, "s.yaml", text))
	require.NoError(t, err)
	w, err := p.ReadWeights(path)
	require.NoError(t, err)
	out, err := p.Infer(t.Context(), map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{1, 2}, []float32{3, 5})}, flowrun.WithWeights(w))
	require.NoError(t, err)
	require.InDeltaSlice(t, []float32{0, 1}, out["bn"].Float32s(), 1e-5, "(x - 3) / sqrt(4)")
	_, err = p.ReadWeightsBy(path, flowrun.WeightsRule{Ignore: []string{"bn.running_var"}})
	require.ErrorContains(t, err, "bn.running_var (f32[2]) is missing")
}

// Widening is exact: every value of f16 is one of f32.
func TestNarrowFilesAreWidenedExactly(t *testing.T) {
	_, learned := trainedLine(t)
	spec := line(t, "{SGD: {lr: 0.1}}", "init: {safetensors: w.safetensors}")
	for _, d := range []ir.DType{ir.F16, ir.BF16} {
		half, want := map[string]*flowrun.Tensor{}, map[string][]float32{}
		for name, tensor := range learned {
			n := ir.NewTensor(ir.Type{DType: d, Shape: tensor.Type.Shape})
			for i := range tensor.Type.Shape.Numel() {
				n.SetFloat(i, tensor.Float(i))
				want[name] = append(want[name], float32(n.Float(i)))
			}
			half[name] = n
		}
		writeBeside(t, spec, "w.safetensors", half)
		got, told := begins(t, spec)
		for name := range learned {
			require.Equal(t, want[name], got[name].Float32s())
		}
		require.Contains(t, told[1], "4 tensors are "+d.String()+" in the file and f32 here, which is exact")
	}
	wide := map[string]*flowrun.Tensor{}
	for name, tensor := range learned {
		wide[name] = ir.FromFloat64(ir.F64, tensor.Type.Shape, make([]float64, tensor.Type.Shape.Numel()))
	}
	writeBeside(t, spec, "w.safetensors", wide)
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	_, err = p.Start(t.Context())
	require.ErrorContains(t, err, "h.bias is f64[3] in the file and f32[3] in the model, which would round it")
}

// A head for other classes: what the base knows of the inputs stays, the classes are
// learned from the new data.
func TestForgottenClassesAreLearnedAnew(t *testing.T) {
	dir, spec := pets(t, "3", "mean")
	w := petWeights(t, spec)
	saved := filepath.Join(dir, "w.safetensors")
	require.NoError(t, w.Save(saved))
	put(t, dir, "pets.csv", "size,species\n10,ape\n20,bee\n30,gnu\n10,bee\n")
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	head := flowrun.WeightsRule{Match: []string{"logits.weight"}}
	kept, err := p.ReadWeightsBy(saved, head)
	require.NoError(t, err)
	_, err = p.Start(t.Context(), flowrun.WithWeights(kept))
	require.ErrorContains(t, err, "ape", "a class that the weights don't know")

	head.Forget = []string{"y"}
	kept, err = p.ReadWeightsBy(saved, head)
	require.NoError(t, err)
	s := runtest.Started(t, spec, flowrun.WithWeights(kept))
	runtest.Ran(t, s, 1)
	after, err := s.Weights()
	require.NoError(t, err)
	rows, err := inferred(t, spec, put(t, dir, "new.csv", "size\n1\n\"\"\n"), after)
	require.NoError(t, err)
	require.Contains(t, []any{"ape", "bee", "gnu"}, rows[0]["species"])
	require.Equal(t, []any{2.5}, rows[1]["x"], "what a missing size is filled with is still the mean of the base's data")

	_, err = p.ReadWeightsBy(saved, flowrun.WeightsRule{Forget: []string{"z"}})
	require.ErrorContains(t, err, `forget: the weights know nothing of the field "z"; they know of x, y`)
}
