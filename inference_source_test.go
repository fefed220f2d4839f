package flowrun_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// transformed is a spec whose transform replaces a normalized field and makes another one.
const transformed = `
flowrun: 1
data:
  things:
    csv: known.csv
    fields:
      x: {columns: [length, width], type: "f32[2]", normalize: element}
      day: {column: day, type: "i64[]"}
      target: {column: target, type: "f32[]"}
    batch: 2
    transform:
      x: x * 2.0 + 1.0
      weekday: day % 7
model:
  inputs: {x: "f32[batch, 2]", weekday: "i64[batch]"}
  nodes:
    e: {Embedding: weekday, num_embeddings: 7, embedding_dim: 1}
    y: {Linear: "concat([x, e], 1)", out_features: 1}
  outputs: [y]
train:
  data: things
  loss: mse_loss(reshape(y, [-1]), target)
  optimizer: {SGD: {lr: 0.01}}
  max_steps: 2
`

func TestExamplesGoThroughTheTransformAsThoseOfAFile(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"spec.yaml": transformed,
		"known.csv": "length,width,day,target\n1,5,3,0\n2,7,9,1\n4,4,20,2\n9,1,4,3\n",
		"new.csv":   "length,width,day\n1.5,2.5,8\n-3,0,2\n7,7,6\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	p, err := flowrun.Load(filepath.Join(dir, "spec.yaml"))
	require.NoError(t, err)
	s, err := p.Start(ctx, flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(ctx)
	require.NoError(t, err)
	w, err := s.Weights()
	require.NoError(t, err)
	var lines bytes.Buffer
	_, err = p.InferTo(ctx, flowrun.FileInference{In: filepath.Join(dir, "new.csv")}, &lines, "jsonl", flowrun.On("cpu"), flowrun.WithWeights(w))
	require.NoError(t, err)
	var want []float32
	for line := range strings.Lines(lines.String()) {
		var row struct{ Y []float32 }
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		want = append(want, row.Y...)
	}
	require.Len(t, want, 3)

	in, err := p.StartInferenceOn(ctx, "", flowrun.On("cpu"), flowrun.WithWeights(w))
	require.NoError(t, err)
	defer func() { require.NoError(t, in.Close()) }()
	require.Equal(t, map[string]flowrun.Type{
		"x":   {DType: flowrun.F32, Shape: flowrun.Shape{2, 2}},
		"day": {DType: flowrun.I64, Shape: flowrun.Shape{2}},
	}, in.Inputs())
	x, day := []float32{1.5, 2.5, -3, 0, 7, 7}, []int64{8, 2, 6}
	examples := func(from, to int) map[string]*flowrun.Tensor {
		a, err := flowrun.FromFloat32(flowrun.Shape{to - from, 2}, x[2*from:2*to])
		require.NoError(t, err)
		b, err := flowrun.FromInt64(flowrun.I64, flowrun.Shape{to - from}, day[from:to])
		require.NoError(t, err)
		return map[string]*flowrun.Tensor{"x": a, "day": b}
	}
	for _, c := range []struct{ from, to int }{{0, 3}, {0, 2}, {2, 3}, {1, 3}} {
		inputs := examples(c.from, c.to)
		require.NoError(t, in.Prepare(inputs))
		outputs, err := in.Outputs(ctx, inputs)
		require.NoError(t, err)
		require.NoError(t, in.Run(ctx, inputs, outputs))
		require.InDeltaSlice(t, want[c.from:c.to], outputs["y"].Float32s(), 1e-6)
	}

	// Weights are swapped as in other inferences.
	zero := flowrun.Weights{Tensors: map[string]*flowrun.Tensor{}}
	for name, v := range w.Tensors {
		zero.Tensors[name] = ir.NewTensor(v.Type)
	}
	zero.Tensors["y.bias"].SetFloat(0, 3)
	require.NoError(t, in.SetWeights(zero))
	outputs, err := in.Outputs(ctx, examples(0, 2))
	require.NoError(t, err)
	require.NoError(t, in.Run(ctx, examples(0, 2), outputs))
	require.Equal(t, []float32{3, 3}, outputs["y"].Float32s())

	// What doesn't fit says so.
	mixed := examples(0, 2)
	mixed["day"] = examples(0, 3)["day"]
	foreign := examples(0, 1)
	foreign["weekday"] = foreign["day"]
	for says, inputs := range map[string]map[string]*flowrun.Tensor{
		"day (i64[2]) is missing":                                          {"x": examples(0, 1)["x"]},
		"x has 2 examples, and day has 3":                                  mixed,
		"x has no examples":                                                examples(0, 0),
		"the outputs need no field weekday of the data":                    foreign,
		"x is i64[1], the data source things has f32[2, 2] for 2 examples": {"x": examples(0, 1)["day"], "day": examples(0, 1)["day"]},
	} {
		_, err := in.Outputs(ctx, inputs)
		require.ErrorContains(t, err, says)
		require.ErrorAs(t, err, new(*flowrun.InputError))
	}

	// Without it, a raw x would reach the model as it is.
	plain := startedInference(t, p, flowrun.On("cpu"), flowrun.WithWeights(w))
	require.EqualError(t, plain.Prepare(examples(0, 1)),
		"the input x goes through the transform of things, which isn't part of the model: StartInferenceOn takes the fields of a data source through its transform")
	_, err = p.StartInferenceOn(ctx, "nothing")
	require.ErrorContains(t, err, `no data source "nothing" that reads files`)
	_, err = markedProgram(t).StartInferenceOn(ctx, "")
	require.ErrorContains(t, err, "marked.yaml trains on no data source that reads files")
}
