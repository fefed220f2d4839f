package ir

import "math"

// Conversions between the storage formats f16 (IEEE 754 binary16) and bf16 and
// Go's floats. Narrowing rounds once, to nearest even, straight from float64.

// F16ToF32 widens exactly.
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h & 0x3ff)
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	v := float32(frac) * (1.0 / (1 << 24)) // subnormal: exact
	return math.Float32frombits(sign | math.Float32bits(v))
}

// F64ToF16 narrows to nearest even.
func F64ToF16(v float64) uint16 {
	sign := uint16(math.Float64bits(v) >> 48 & 0x8000)
	a := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return sign | 0x7e00
	case a >= 65520: // halfway between the largest f16 and the next power of two
		return sign | 0x7c00
	case a < 1.0/(1<<14): // subnormal: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(a*(1<<24)))
	}
	frac, exp := math.Frexp(a)                      // a = frac · 2^exp, 0.5 <= frac < 1
	m := uint16(math.RoundToEven(frac * (1 << 11))) // 1024 to 2048
	return sign | (uint16(exp+13)<<10 + m)          // a carry out of m raises the exponent
}

// BF16ToF32 widens exactly.
func BF16ToF32(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// F64ToBF16 narrows to nearest even.
func F64ToBF16(v float64) uint16 {
	f := float32(v)
	bits := math.Float32bits(f)
	if f != f {
		return uint16(bits>>16) | 0x40
	}
	// Rounding to f32 first may hide which side of a tie v lay on.
	if d := float64(f); bits&0xffff == 0x8000 && d != v {
		if (d < v) == (v > 0) {
			return uint16(bits>>16) + 1
		}
		return uint16(bits >> 16)
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
