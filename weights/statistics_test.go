package weights_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/weights"
)

func statisticsOf(t *testing.T, tensor *ir.Tensor) *weights.Statistics {
	t.Helper()
	f := opened(t, write(t, t.TempDir(), "w.safetensors", map[string]*ir.Tensor{"x": tensor}, nil))
	s, err := f.Statistics(context.Background(), "x")
	require.NoError(t, err)
	return s
}

// The values are those of NumPy, with math.fsum for sums: of 600,000 numbers near a
// million, which are read in three pieces, and of 5,000 in f16.
func TestStatisticsAreThoseOfNumPy(t *testing.T) {
	large := ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{600, 1000}})
	for i := range 600_000 {
		large.SetFloat(i, 1e6+float64((i*7919)%1000)/1000)
	}
	half := ir.NewTensor(ir.Type{DType: ir.F16, Shape: ir.Shape{5000}})
	for i := range 5000 {
		half.SetFloat(i, float64((i*37)%2001-1000)/64)
	}
	for _, c := range []struct {
		tensor *ir.Tensor
		want   weights.Statistics
	}{
		{large, weights.Statistics{Count: 600_000, Min: 1e6, Max: 1000001, Mean: 1000000.4995, Std: 0.28982710363249325, Norm: 774597056.1525521}},
		{half, weights.Statistics{Count: 5000, Zeros: 3, Min: -15.625, Max: 15.625, Mean: -0.034671875, Std: 9.029087941882938, Norm: 638.4576383800725}},
	} {
		got := statisticsOf(t, c.tensor)
		require.Equal(t, c.want.Count, got.Count)
		require.Equal(t, c.want.Zeros, got.Zeros)
		require.Equal(t, [2]float64{c.want.Min, c.want.Max}, [2]float64{got.Min, got.Max})
		require.InEpsilon(t, c.want.Mean, got.Mean, 1e-13)
		require.InEpsilon(t, c.want.Std, got.Std, 1e-9)
		require.InEpsilon(t, c.want.Norm, got.Norm, 1e-13)
	}
}

func TestSquaresBeyondF64AreNoInfinity(t *testing.T) {
	for _, unit := range []float64{1e300, 1e-300, 5e-324} {
		got := statisticsOf(t, ir.FromFloat64(ir.F64, ir.Shape{3}, []float64{unit, -3 * unit, 2 * unit}))
		if unit < 1e-320 { // subnormal: results are multiples of the smallest number
			require.Equal(t, 4*unit, got.Norm)
			continue
		}
		require.InDelta(t, 0, got.Mean/unit, 1e-15)
		require.InEpsilon(t, 2.160246899469287, got.Std/unit, 1e-14)
		require.InEpsilon(t, 3.7416573867739413, got.Norm/unit, 1e-14)
	}
}

func TestStatisticsAreThoseOfFiniteElements(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	got := statisticsOf(t, ir.FromFloat32(ir.Shape{7}, []float32{1, nan, 3, inf, -inf, 0, nan}))
	require.Equal(t, &weights.Statistics{Count: 7, Zeros: 1, NaN: 2, Inf: 2, Min: 0, Max: 3, MinInt: math.MaxInt64, MaxInt: math.MinInt64,
		Mean: 4.0 / 3, Std: got.Std, Norm: math.Sqrt(10)}, got)
	require.InEpsilon(t, math.Sqrt(14.0/9), got.Std, 1e-15)

	for _, tensor := range []*ir.Tensor{ir.FromFloat32(ir.Shape{2}, []float32{nan, inf}), ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{0, 4}})} {
		got := statisticsOf(t, tensor)
		require.Zero(t, got.Finite())
		for _, x := range []float64{got.Min, got.Max, got.Mean, got.Std, got.Norm} {
			require.True(t, math.IsNaN(x))
		}
	}
}

func TestBoundsOfIntegersAreExact(t *testing.T) {
	got := statisticsOf(t, ir.FromInt64(ir.I64, ir.Shape{3}, []int64{1<<53 + 1, -1<<62 - 1, 0}))
	require.Equal(t, [2]int64{-1<<62 - 1, 1<<53 + 1}, [2]int64{got.MinInt, got.MaxInt})
	got = statisticsOf(t, ir.FromInt64(ir.Bool, ir.Shape{4}, []int64{1, 0, 1, 1}))
	require.Equal(t, 0.75, got.Mean)
}

func TestStatisticsEndWhenTheyAreInterrupted(t *testing.T) {
	f := opened(t, write(t, t.TempDir(), "w.safetensors", map[string]*ir.Tensor{"x": vector(1)}, nil))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := f.Statistics(ctx, "x")
	require.ErrorIs(t, err, context.Canceled)
}

func TestNaturalOrderCountsAsPeopleDo(t *testing.T) {
	names := []string{"h.10.weight", "h.2.weight", "h.2.bias", "h.02.bias", "h.weight", "h10", "h9", "h", "", "h.99999999999999999999999.w", "h.100000000000000000000000.w", "wte", "é"}
	slices.SortFunc(names, weights.Natural)
	require.Equal(t, []string{"", "h", "h.02.bias", "h.2.bias", "h.2.weight", "h.10.weight", "h.99999999999999999999999.w", "h.100000000000000000000000.w", "h.weight", "h9", "h10", "wte", "é"}, names)
	for _, a := range names {
		for _, b := range names {
			require.Equal(t, weights.Natural(a, b), -weights.Natural(b, a))
		}
	}
}
