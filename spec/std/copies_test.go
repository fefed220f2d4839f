package std_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/spec"
)

const copiesSpec = `
flowrun: 1
optimizers:
  Slow:
    args: {lr: scalar}
    state: {slow: param}
    update: {slow: "lerp(slow, param, 0.5)", param: param - lr * grad}
data:
  d: {generate: {x: "normal(0, 1, [4, 3])"}}
model:
  inputs: {x: "f32[4, 3]"}
  nodes:
    a: {Linear: x, out_features: 2}
    b: {Linear: x, out_features: 2, trainable: false}
    c: {Linear: x, out_features: 2, trainable: false}
    half: {Linear: x, out_features: 2, dtype: bf16}
  outputs: [a, b, c, half]
train:
  data: d
  updates:
    online: {loss: mean(square(a)) + mean(square(half)), optimizer: {Slow: {lr: 0.1}}}
    COPIES
  averages: {ema: {decay: 0.5, start: 3}}
  max_steps: 4
`

// What updates copy to begins as a copy, of loaded weights too, and so does whatever else
// begins with a parameter's value.
func TestWhatBeginsAsACopyIsOneOfLoadedWeights(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "copies.yaml")
	for _, copies := range []string{
		"chain: {copy: {a.*: b.*, b.*: c.*}, every: 2}", "chain: {copy: {b.*: c.*, a.*: b.*}, every: 2}",
		"second: {copy: {b.*: c.*}, every: 2}\n    first: {copy: {a.*: b.*}, every: 2}\n    back: {copy: {c.*: a.*}, every: 4, rate: 0.5}",
	} {
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(copiesSpec, "COPIES", copies, 1)), 0o666))
		start := func(options ...flowrun.StartOption) *flowrun.Session {
			return runtest.Started(t, path, append(options, flowrun.On("sim"))...)
		}
		equal := func(s *flowrun.Session, want *flowrun.Tensor, names ...string) {
			for _, name := range names {
				for i := range want.Type.Shape.Numel() {
					require.Equal(t, want.Float(i), get(t, s, name).Float(i), "%s with %s", name, copies)
				}
			}
		}
		s := start()
		equal(s, get(t, s, "a.weight"), "b.weight", "c.weight", "optimizer.online.a.weight.slow", "optimizer.averages.ema.a.weight", "optimizer.averages.ema.c.weight")

		file := filepath.Join(dir, "loaded.safetensors")
		given := map[string]*flowrun.Tensor{}
		for name, w := range runtest.Weights(t, s) {
			if name[0] != 'b' && name[0] != 'c' {
				given[name] = numbers{Shape: w.Type.Shape, Values: []float64{1, 2, 3, 4, 5, 6}[:w.Type.Shape.Numel()]}.in(w.Type.DType)
			}
		}
		require.NoError(t, flowrun.WriteTensors(file, given))
		p, err := flowrun.Load(path)
		require.NoError(t, err)
		w, err := p.ReadWeightsBy(file, flowrun.WeightsRule{Partial: true})
		require.NoError(t, err)
		s = start(flowrun.WithWeights(w))
		equal(s, given["a.weight"], "a.weight", "b.weight", "c.weight", "optimizer.online.a.weight.slow", "optimizer.averages.ema.a.weight", "optimizer.averages.ema.c.weight")
		equal(s, given["half.bias"], "half.bias", "optimizer.online.half.bias.slow", "optimizer.averages.ema.half.bias")

		given["b.weight"] = numbers{Shape: []int{2, 3}, Values: []float64{7, 7, 7, 8, 8, 8}}.in(flowrun.F32)
		require.NoError(t, flowrun.WriteTensors(file, given))
		w, err = p.ReadWeightsBy(file, flowrun.WeightsRule{Partial: true})
		require.NoError(t, err)
		s = start(flowrun.WithWeights(w))
		equal(s, given["b.weight"], "b.weight", "optimizer.averages.ema.b.weight", "c.weight", "optimizer.averages.ema.c.weight")
	}
}

func TestCopiesInACircleAreRefused(t *testing.T) {
	for _, copies := range []string{"{a.*: b.*, b.*: a.*}", "{a.*: b.*, b.*: c.*, c.*: a.*}"} {
		_, list := spec.Parse("s.yaml", []byte(strings.Replace(copiesSpec, "COPIES", "turn: {copy: "+copies+"}", 1)), spec.Options{})
		require.Contains(t, list.Text(), "is copied to itself by way of")
		require.Contains(t, list.Text(), "use `assign` to exchange values")
		errors, _ := list.Count()
		require.Equal(t, 1, errors, list.Text())
	}
}
