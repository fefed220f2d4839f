package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// A request of a small MLP without the network: JSON to tensors, the model, and back.
func BenchmarkPredict(b *testing.B) {
	folder := b.TempDir()
	spec, weights := filepath.Join(folder, "mlp.yaml"), filepath.Join(folder, "w.safetensors")
	require.NoError(b, os.WriteFile(spec, []byte(`
flowrun: 1
name: mlp
model:
  inputs: {x: "f32[1, 32]"}
  nodes: {a: {Linear: x, out_features: 64}, b: {Linear: relu(a), out_features: 64}, y: {Linear: relu(b), out_features: 10}}
  outputs: [y]
`), 0o600))
	tensors := map[string]*flowrun.Tensor{}
	for name, shape := range map[string]flowrun.Shape{"a.weight": {64, 32}, "a.bias": {64}, "b.weight": {64, 64}, "b.bias": {64}, "y.weight": {10, 64}, "y.bias": {10}} {
		v := make([]float32, shape.Numel())
		for i := range v {
			v[i] = rand.Float32()
		}
		t, err := flowrun.FromFloat32(shape, v)
		require.NoError(b, err)
		tensors[name] = t
	}
	require.NoError(b, flowrun.Weights{Tensors: tensors}.Save(weights))
	s, err := newServer(context.Background(), spec, weights, flowrun.On("cpu"))
	require.NoError(b, err)
	defer s.Close()
	body := []byte(`{"x": [[`)
	for i := range 32 {
		if i > 0 {
			body = append(body, ", "...)
		}
		body = append(body, "-0.12345678"...)
	}
	body = append(body, "]]}"...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.predict(context.Background(), body); err != nil {
			b.Fatal(err)
		}
	}
}
