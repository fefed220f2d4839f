package cpu

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rest of the series is r⁴/24 < 3.7e-11; the other roundings are of f64.
func TestTheFastExponentialIsGoodToTenDigits(t *testing.T) {
	worst := 0.0
	for i := range 1 << 18 {
		x := (float64(i)/(1<<17) - 1) * 707
		want := math.Exp(x)
		worst = max(worst, math.Abs(exp32(x)-want)/want)
	}
	require.Less(t, worst, 4e-11)
}

// Rounded to f32 it is at most one unit in the last place off, over the whole
// range of f32, and right where the result is 0, subnormal, infinite or NaN.
func TestTheFastExponentialRoundsToF32(t *testing.T) {
	for i := range 1 << 18 {
		x := (float64(i)/(1<<17) - 1) * 105
		want, got := float32(math.Exp(x)), float32(exp32(x))
		away := int(math.Float32bits(got)) - int(math.Float32bits(want))
		require.True(t, -1 <= away && away <= 1, "exp(%v) is %v, want %v", x, got, want)
	}
	inf := math.Inf(1)
	require.Equal(t, 1.0, exp32(0))
	require.Equal(t, 1.0, exp32(math.Copysign(0, -1)))
	require.Equal(t, 1.0, exp32(0x1p-149))
	for _, x := range []float64{89, 1000, math.MaxFloat32, inf} {
		require.Equal(t, float32(inf), float32(exp32(x)), "exp(%v)", x)
		require.Equal(t, float32(0), float32(exp32(-104-x)), "exp(%v)", -104-x)
	}
	require.True(t, math.IsNaN(exp32(math.NaN())))
}
