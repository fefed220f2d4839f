package weights_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/weights"
)

func BenchmarkStatistics(b *testing.B) {
	path := b.TempDir() + "/w.safetensors"
	x := ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{1 << 22}})
	for i := range 1 << 22 {
		x.SetFloat(i, float64(i%1000)/7)
	}
	require.NoError(b, safetensors.Write(path, map[string]*ir.Tensor{"x": x}))
	f, err := weights.Open(nil, path)
	require.NoError(b, err)
	defer f.Close()
	b.SetBytes(int64(len(x.Data)))
	for b.Loop() {
		_, err := f.Statistics(context.Background(), "x")
		require.NoError(b, err)
	}
}
