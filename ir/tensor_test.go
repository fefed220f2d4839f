package ir_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

func TestTensorsRoundTripThroughArrays(t *testing.T) {
	for _, d := range allDTypes {
		x := ir.NewTensor(ir.Type{DType: d, Shape: ir.Shape{3}})
		x.SetFloat(0, 1)
		x.SetFloat(2, 1)
		require.Equal(t, x, x.Array().Tensor(), d)
		require.Equal(t, []float32{1, 0, 1}, x.Float32s(), d)
	}
}

func TestTensorsRoundToTheirDType(t *testing.T) {
	for d, want := range map[ir.DType]float64{
		ir.F64: 0.1, ir.F32: float64(float32(0.1)), ir.F16: 0.0999755859375, ir.BF16: 0.10009765625,
		ir.I32: 0,
	} {
		require.Equal(t, want, ir.FromFloat64(d, ir.Shape{1}, []float64{0.1}).Float(0), d)
	}
}

func TestIntegersStayExact(t *testing.T) {
	const v = math.MaxInt64 - 1 // no float64
	x := ir.FromInt64(ir.I64, ir.Shape{1}, []int64{v})
	require.Equal(t, int64(v), x.Int(0))
	require.Equal(t, int64(v), x.Array().Tensor().Int(0))
	require.Equal(t, int64(v), ir.ScalarTensor(ir.I64, v).Int(0))
}

func TestAScalarTakesAnyNumber(t *testing.T) {
	require.Equal(t, 1.0, ir.ScalarTensor(ir.F32, true).Float(0))
	require.Equal(t, 3.0, ir.ScalarTensor(ir.F16, 3).Float(0))
}

func TestACloneIsApart(t *testing.T) {
	x := ir.FromFloat32(ir.Shape{2}, []float32{1, 2})
	y := x.Clone()
	y.SetFloat(0, 7)
	require.Equal(t, 1.0, x.Float(0))
}

func TestCastSaturatesDropsFractionsAndWraps(t *testing.T) {
	for _, c := range []struct {
		from *ir.Tensor
		to   ir.DType
		want []float64
	}{
		{floats(1.9, -1.9, math.NaN(), 1e10, -1e10, math.Inf(1)), ir.I32, []float64{1, -1, 0, math.MaxInt32, math.MinInt32, math.MaxInt32}},
		{floats(1e10, math.Inf(-1)), ir.I64, []float64{1e10, math.MinInt64}},
		{floats(-1, -0.9, 0.9, 127.5, 128, 255.9, 256, 1e300, math.NaN(), math.Inf(1), math.Inf(-1)), ir.U8,
			[]float64{0, 0, 0, 127, 128, 255, 255, 255, 0, 255, 0}},
		{ir.FromInt64(ir.I64, ir.Shape{7}, []int64{0, 127, 128, 255, 256, -1, 1<<40 + 7}), ir.U8, []float64{0, 127, 128, 255, 0, 255, 7}},
		{ir.FromInt64(ir.U8, ir.Shape{3}, []int64{0, 128, 255}), ir.I32, []float64{0, 128, 255}},
		{ir.FromInt64(ir.U8, ir.Shape{3}, []int64{0, 128, 255}), ir.F32, []float64{0, 128, 255}},
		{ir.FromInt64(ir.U8, ir.Shape{3}, []int64{0, 128, 255}), ir.Bool, []float64{0, 1, 1}},
		{floats(0, -0.5, math.NaN()), ir.Bool, []float64{0, 1, 1}},
		{floats(0.1), ir.F16, []float64{0.1}}, // reference values aren't rounded
		{ir.FromInt64(ir.I64, ir.Shape{2}, []int64{1<<32 + 5, 1 << 31}), ir.I32, []float64{5, math.MinInt32}},
		{ir.FromInt64(ir.I64, ir.Shape{1}, []int64{-3}), ir.F32, []float64{-3}},
		{ir.FromInt64(ir.Bool, ir.Shape{2}, []int64{0, 1}), ir.F32, []float64{0, 1}},
	} {
		b := builder()
		n := b.Apply(ir.CastOp, b.Const(c.from), c.to)
		got := ir.CastOp.Reference(n, []*ir.Array{c.from.Array()})
		for i, want := range c.want {
			require.Equal(t, want, got.At(i), "%v as %s", c.from.Array().At(i), c.to)
		}
	}
}

func floats(values ...float64) *ir.Tensor {
	return ir.FromFloat64(ir.F64, ir.Shape{len(values)}, values)
}

// TestRandomKeysAreForEver: a key that changed would change what a seed gives.
func TestRandomKeysAreForEver(t *testing.T) {
	require.Equal(t, 8470800067022905901, ir.RandomKey(7, "h1.weight"))
	require.NotEqual(t, ir.RandomKey(7, "h1.weight"), ir.RandomKey(8, "h1.weight"))
	require.NotEqual(t, ir.RandomKey(7, "h1.weight"), ir.RandomKey(7, "h2.weight"))
}
