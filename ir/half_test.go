package ir_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// format is a 16-bit float: how it is narrowed to and widened from, and its
// fields.
type format struct {
	name   string
	narrow func(float64) uint16
	widen  func(uint16) float32
	frac   int // bits of the fraction
	bias   int // of the exponent
}

var formats = []format{
	{"f16", ir.F64ToF16, ir.F16ToF32, 10, 15},
	{"bf16", ir.F64ToBF16, ir.BF16ToF32, 7, 127},
}

// value is what the bits mean by the definition of IEEE 754.
func (f format) value(bits uint16) float64 {
	sign := 1.0
	if bits>>15 == 1 {
		sign = -1
	}
	frac := float64(bits & (1<<f.frac - 1))
	exp := int(bits&0x7fff) >> f.frac
	switch {
	case exp == 1<<(15-f.frac)-1 && frac == 0:
		return sign * math.Inf(1)
	case exp == 1<<(15-f.frac)-1:
		return math.NaN()
	case exp == 0:
		return sign * math.Ldexp(frac, 1-f.bias-f.frac)
	}
	return sign * math.Ldexp(frac+float64(int(1)<<f.frac), exp-f.bias-f.frac)
}

func (f format) infinity() uint16 { return 0x7fff &^ (1<<f.frac - 1) }

func TestAll65536ValuesWidenToWhatTheirBitsMean(t *testing.T) {
	for _, f := range formats {
		for bits := range 1 << 16 {
			want, got := f.value(uint16(bits)), float64(f.widen(uint16(bits)))
			if math.IsNaN(want) {
				require.True(t, math.IsNaN(got), "%s %#04x", f.name, bits)
				continue
			}
			require.Equal(t, math.Float64bits(want), math.Float64bits(got), "%s %#04x", f.name, bits)
		}
	}
}

func TestAll65536ValuesComeBackFromFloat64(t *testing.T) {
	for _, f := range formats {
		for bits := range 1 << 16 {
			v := float64(f.widen(uint16(bits)))
			back := f.narrow(v)
			if math.IsNaN(v) {
				require.True(t, math.IsNaN(float64(f.widen(back))), "%s %#04x", f.name, bits)
				continue
			}
			require.Equal(t, uint16(bits), back, "%s %#04x", f.name, bits)
		}
	}
}

// TestNarrowingRoundsOnceToNearestEven looks between any two neighbours: exactly
// half-way, where the even one is due, and next to it on either side in float64,
// where rounding to f32 first would go wrong.
func TestNarrowingRoundsOnceToNearestEven(t *testing.T) {
	for _, f := range formats {
		for bits := range f.infinity() {
			low, high := bits, bits+1
			above := f.value(high)
			if high == f.infinity() { // as if the exponent went on
				above = 2*f.value(low) - f.value(low-1)
			}
			half := f.value(low) + (above-f.value(low))/2
			even := low + low&1
			for sign, mask := range map[float64]uint16{1: 0, -1: 0x8000} {
				require.Equal(t, even|mask, f.narrow(sign*half), "%s half-way above %#04x", f.name, low)
				require.Equal(t, low|mask, f.narrow(sign*math.Nextafter(half, 0)), "%s below half-way above %#04x", f.name, low)
				require.Equal(t, high|mask, f.narrow(sign*math.Nextafter(half, math.Inf(1))), "%s above half-way above %#04x", f.name, low)
			}
		}
	}
}

func TestNarrowingKeepsInfinityAndNaN(t *testing.T) {
	for _, f := range formats {
		require.Equal(t, f.infinity(), f.narrow(math.Inf(1)))
		require.Equal(t, f.infinity()|0x8000, f.narrow(math.Inf(-1)))
		require.Equal(t, f.infinity(), f.narrow(math.MaxFloat64))
		require.Equal(t, uint16(0), f.narrow(math.SmallestNonzeroFloat64))
		require.Equal(t, uint16(0x8000), f.narrow(math.Copysign(0, -1)))
		// A NaN whose payload lies wholly in the bits that are dropped stays one.
		require.True(t, math.IsNaN(float64(f.widen(f.narrow(math.Float64frombits(0x7ff0000000000001))))))
	}
}
