package weights_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/weights"
)

func compared(t *testing.T, a, b map[string]*ir.Tensor) *weights.Difference {
	t.Helper()
	dir := t.TempDir()
	d, err := weights.Compare(context.Background(), opened(t, write(t, dir, "a", a, nil)), opened(t, write(t, dir, "b", b, nil)))
	require.NoError(t, err)
	return d
}

func TestDifferencesAreFoundWhereTheyAreLargest(t *testing.T) {
	a := ir.FromFloat32(ir.Shape{2, 3}, []float32{1, 2, 3, 4, 0.5, 100})
	b := ir.FromFloat32(ir.Shape{2, 3}, []float32{1, 2, 3, 4, 0.25, 102})
	d := compared(t, map[string]*ir.Tensor{"w": a}, map[string]*ir.Tensor{"w": b})
	require.False(t, d.Equal())
	v := d.Values[0]
	require.Equal(t, int64(2), v.Differ)
	require.Equal(t, weights.Place{Value: 2, Index: []int{1, 2}, A: 100, B: 102}, v.Absolute)
	require.Equal(t, weights.Place{Value: 0.5, Index: []int{1, 1}, A: 0.5, B: 0.25}, v.Relative)
	require.InEpsilon(t, math.Sqrt(4+1.0/16)/math.Sqrt(1+4+9+16+0.25+10000), v.Norm, 1e-15)
}

// The only element that differs is the last of a tensor that is read in pieces, of one
// size for f32 and of another for f16.
func TestADifferenceIsFoundInTheLastPiece(t *testing.T) {
	shape := ir.Shape{700, 1001}
	a, b := ir.NewTensor(ir.Type{DType: ir.F32, Shape: shape}), ir.NewTensor(ir.Type{DType: ir.F16, Shape: shape})
	n := shape.Numel()
	for i := range n {
		a.SetFloat(i, float64(i%512))
		b.SetFloat(i, float64(i%512))
	}
	d := compared(t, map[string]*ir.Tensor{"w": a}, map[string]*ir.Tensor{"w": b})
	require.Zero(t, d.Values[0].Differ)
	require.False(t, d.Equal(), "the dtypes differ")
	b.SetFloat(n-1, -1)
	v := compared(t, map[string]*ir.Tensor{"w": a}, map[string]*ir.Tensor{"w": b}).Values[0]
	require.Equal(t, int64(1), v.Differ)
	require.Equal(t, []int{699, 1000}, v.Absolute.Index)
}

func TestWhatIsNoNumberIsComparedToo(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	pair := func(x, y float32) weights.ValuesDifference {
		return compared(t, map[string]*ir.Tensor{"w": vector(1, x)}, map[string]*ir.Tensor{"w": vector(1, y)}).Values[0]
	}
	for _, x := range []float32{0, nan, inf, -inf, 7} {
		require.Zero(t, pair(x, x).Differ)
	}
	minus := float32(math.Copysign(0, -1))
	require.Zero(t, pair(0, minus).Differ)
	require.True(t, math.IsNaN(pair(nan, 1).Absolute.Value))
	require.True(t, math.IsInf(pair(inf, 1).Absolute.Value, 1))
	require.True(t, math.IsInf(pair(inf, 1).Relative.Value, 1))
	require.True(t, math.IsInf(pair(inf, -inf).Absolute.Value, 1))
	require.Equal(t, 1.0, pair(0, 5).Relative.Value)
}

func TestLargeIntegersAreComparedAsTheyAre(t *testing.T) {
	a, b := ir.FromInt64(ir.I64, ir.Shape{1}, []int64{1 << 60}), ir.FromInt64(ir.I64, ir.Shape{1}, []int64{1<<60 + 1})
	require.Equal(t, int64(1), compared(t, map[string]*ir.Tensor{"w": a}, map[string]*ir.Tensor{"w": b}).Values[0].Differ)
}

func TestNamesAndTypesAreCompared(t *testing.T) {
	square := ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{2, 3}})
	turned := ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{3, 2}})
	d := compared(t, map[string]*ir.Tensor{"w": square, "h.10": vector(1), "h.2": vector(1), "same": vector()},
		map[string]*ir.Tensor{"w": turned, "z": vector(1), "same": vector()})
	require.Equal(t, []string{"h.2", "h.10"}, d.OnlyA)
	require.Equal(t, []string{"z"}, d.OnlyB)
	require.Equal(t, []weights.TypeDifference{{Name: "w", A: "f32[2, 3]", B: "f32[3, 2]", Transposed: true}}, d.Types)
	require.True(t, d.Values[0].Same())
	require.True(t, compared(t, map[string]*ir.Tensor{"s": ir.ScalarTensor(ir.I64, int64(3))}, map[string]*ir.Tensor{"s": ir.ScalarTensor(ir.I64, int64(3))}).Equal())
}

// A file of one dtype that flowrun hasn't is looked at, and compared by name and type.
func TestUnknownDTypesAreCompared(t *testing.T) {
	dir := t.TempDir()
	header := `{"x":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}`
	path := put(t, dir, "f8", string(rune(len(header)))+"\x00\x00\x00\x00\x00\x00\x00"+header+"ab")
	d, err := weights.Compare(context.Background(), opened(t, path), opened(t, write(t, dir, "b", map[string]*ir.Tensor{"x": vector(1, 2)}, nil)))
	require.NoError(t, err)
	require.Equal(t, []weights.TypeDifference{{Name: "x", A: "F8_E4M3[2]", B: "f32[2]"}}, d.Types)
}
