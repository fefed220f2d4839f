package ir_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

var allDTypes = []ir.DType{ir.Bool, ir.U8, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64}

func TestDTypesAreFoundByTheirNames(t *testing.T) {
	require.Equal(t, []string{"bool", "u8", "i32", "i64", "f16", "bf16", "f32", "f64"}, ir.DTypeNames())
	for _, d := range allDTypes {
		found, ok := ir.ParseDType(d.String())
		require.True(t, ok)
		require.Equal(t, d, found)
	}
	for _, name := range []string{"", "invalid", "F32", "float"} {
		_, ok := ir.ParseDType(name)
		require.False(t, ok, name)
	}
}

func TestPromotionIsPyTorchs(t *testing.T) {
	want := [][]ir.DType{ // rows and columns in the order of allDTypes
		{ir.Bool, ir.U8, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64},
		{ir.U8, ir.U8, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64},
		{ir.I32, ir.I32, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64},
		{ir.I64, ir.I64, ir.I64, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64},
		{ir.F16, ir.F16, ir.F16, ir.F16, ir.F16, ir.F32, ir.F32, ir.F64},
		{ir.BF16, ir.BF16, ir.BF16, ir.BF16, ir.F32, ir.BF16, ir.F32, ir.F64},
		{ir.F32, ir.F32, ir.F32, ir.F32, ir.F32, ir.F32, ir.F32, ir.F64},
		{ir.F64, ir.F64, ir.F64, ir.F64, ir.F64, ir.F64, ir.F64, ir.F64},
	}
	for i, a := range allDTypes {
		for j, b := range allDTypes {
			require.Equal(t, want[i][j], ir.Promote(a, b), "%s with %s", a, b)
		}
	}
}

func TestBroadcastingAlignsAtTheLastDim(t *testing.T) {
	for _, c := range []struct{ a, b, want ir.Shape }{
		{ir.Shape{}, ir.Shape{}, ir.Shape{}},
		{ir.Shape{3, 5}, ir.Shape{}, ir.Shape{3, 5}},
		{ir.Shape{3, 5}, ir.Shape{5}, ir.Shape{3, 5}},
		{ir.Shape{3, 1}, ir.Shape{5}, ir.Shape{3, 5}},
		{ir.Shape{2, 1, 4}, ir.Shape{3, 1}, ir.Shape{2, 3, 4}},
		{ir.Shape{1}, ir.Shape{0}, ir.Shape{0}},
		{ir.Shape{3}, ir.Shape{0}, nil},
		{ir.Shape{3, 5}, ir.Shape{3}, nil},
	} {
		for range 2 {
			got, ok := ir.Broadcast(c.a, c.b)
			require.Equal(t, c.want != nil, ok, "%s with %s", c.a, c.b)
			if ok {
				require.Equal(t, c.want, got)
			}
			c.a, c.b = c.b, c.a
		}
	}
}

func TestBroadcastingChangesNoOperandsShape(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 4)
		a, b := ir.Shape(shape.Draw(rt, "a")), ir.Shape(shape.Draw(rt, "b"))
		before := a.String() + b.String()
		meet, ok := ir.Broadcast(a, b)
		require.Equal(rt, before, a.String()+b.String())
		if ok {
			again, ok := ir.Broadcast(meet, a)
			require.True(rt, ok)
			require.True(rt, again.Equal(meet))
		}
	})
}

func TestShapesCountAndPlaceTheirElements(t *testing.T) {
	require.Equal(t, 1, ir.Shape{}.Numel())
	require.Equal(t, 0, ir.Shape{3, 0}.Numel())
	require.Equal(t, 24, ir.Shape{2, 3, 4}.Numel())
	require.Equal(t, []int{12, 4, 1}, ir.Shape{2, 3, 4}.Strides())
	require.Equal(t, "f32[1, 8]", ir.Type{DType: ir.F32, Shape: ir.Shape{1, 8}}.String())
	require.Equal(t, "i64[]", ir.Scalar(ir.I64).String())
	require.Equal(t, 48, ir.Type{DType: ir.F16, Shape: ir.Shape{2, 3, 4}}.Bytes())
}

func TestNegativeDimsCountFromTheEnd(t *testing.T) {
	s := ir.Shape{3, 5}
	for given, want := range map[int]int{0: 0, 1: 1, -1: 1, -2: 0} {
		d, err := s.Dim(given)
		require.NoError(t, err)
		require.Equal(t, want, d)
	}
	_, err := s.Dim(2)
	require.EqualError(t, err, "dim 2 is out of range: [3, 5] has dims -2 to 1")
	_, err = ir.Shape{}.Dim(0)
	require.EqualError(t, err, "dim 0: a scalar has no dimensions")
}

func TestImpossibleShapesAreRefused(t *testing.T) {
	require.NoError(t, ir.CheckShape(ir.F64, ir.Shape{1 << 30, 1 << 29}))
	require.NoError(t, ir.CheckShape(ir.F64, ir.Shape{math.MaxInt64, 0}))
	require.ErrorContains(t, ir.CheckShape(ir.F64, ir.Shape{1 << 30, 1 << 30}), "more than 2^63 bytes")
	require.EqualError(t, ir.CheckShape(ir.F32, ir.Shape{0, -1}), "shape [0, -1] has a negative dimension")
	require.ErrorContains(t, ir.CheckShape(ir.F32, make(ir.Shape, ir.MaxRank+1)), "the limit is 8")
}
