package cpu

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEveryHalfSurvivesWideningAndNarrowing(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		if v := f16ToF32(h); v == v {
			require.Equal(t, h, f32ToF16(v), "f16 %#04x", h)
			require.Equal(t, h, f64ToF16(float64(v)), "f16 %#04x", h)
		} else {
			require.NotEqual(t, f16ToF32(f32ToF16(v)), f16ToF32(f32ToF16(v)), "NaN %#04x", h)
		}
		if v := bf16ToF32(h); v == v {
			require.Equal(t, h, f32ToBF16(v), "bf16 %#04x", h)
		} else {
			require.NotEqual(t, bf16ToF32(f32ToBF16(v)), bf16ToF32(f32ToBF16(v)), "NaN %#04x", h)
		}
	}
}

// Between two neighbours the nearer one wins, and at the midpoint the even one,
// judged in exact arithmetic.
func TestNarrowingGoesToTheNearestAndAtTiesToEven(t *testing.T) {
	formats := []struct {
		name   string
		widen  func(uint16) float32
		narrow func(float64) uint16
		top    int
	}{
		{"f16", f16ToF32, f64ToF16, 0x7bff},
		{"bf16", bf16ToF32, f64ToBF16, 0x7f7f},
	}
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				low := uint16(rapid.IntRange(0, f.top-1).Draw(t, "below"))
				a, b := float64(f.widen(low)), float64(f.widen(low+1))
				mid := a + (b-a)/2 // exact
				v := mid
				switch rapid.IntRange(0, 3).Draw(t, "where") {
				case 0:
					v = math.Nextafter(mid, a)
				case 1:
					v = math.Nextafter(mid, b)
				case 2:
					v = a + (b-a)*rapid.Float64Range(0, 1).Draw(t, "fraction")
				}
				want := low
				switch new(big.Float).SetFloat64(v).Cmp(new(big.Float).SetFloat64(mid)) {
				case 1:
					want = low + 1
				case 0:
					want = low + low&1
				}
				require.Equal(t, want, f.narrow(v))
				require.Equal(t, want|0x8000, f.narrow(-v))
			})
		})
	}
}

func TestNarrowingOverflowsToInfinity(t *testing.T) {
	require.EqualValues(t, 0x7bff, f64ToF16(65519.99))
	require.EqualValues(t, 0x7c00, f64ToF16(65520))
	require.EqualValues(t, 0xfc00, f64ToF16(math.Inf(-1)))
	require.EqualValues(t, 0x7c00, f64ToF16(1e300))
	require.EqualValues(t, 0x7f80, f64ToBF16(math.MaxFloat64))
}
