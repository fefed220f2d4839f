package cpu

import "math"

// Conversions between the storage formats f16 (IEEE 754 binary16) and bf16, and
// Go's floats. Widening is exact; narrowing rounds once, to nearest even.

func f16ToF32(h uint16) float32 {
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

func f32ToF16(v float32) uint16 {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	a := bits & 0x7fffffff
	switch {
	case a > 0x7f800000:
		return sign | 0x7e00
	case a >= 0x477ff000: // 65520, halfway from the largest f16 to the next power of two
		return sign | 0x7c00
	case a >= 0x38800000: // 2^-14: normal
		return sign | uint16((a-0x38000000+0xfff+a>>13&1)>>13)
	}
	// Subnormal: adding 0.5 puts the last place of f32 at 2^-24, f16's own, and
	// the addition rounds.
	return sign | uint16(math.Float32bits(math.Float32frombits(a)+0.5)-0x3f000000)
}

func bf16ToF32(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

func f32ToBF16(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// oddF32 rounds to f32 so that rounding the result again, to a format at least
// two bits narrower, is the same as rounding v once: towards zero, and if that
// loses something, with the last bit set.
func oddF32(v float64) float32 {
	f := float32(v)
	switch d := float64(f); {
	case d == v || v != v:
		return f
	case math.Abs(d) > math.Abs(v):
		return math.Float32frombits(math.Float32bits(f) - 1 | 1)
	}
	return math.Float32frombits(math.Float32bits(f) | 1)
}

func f64ToF16(v float64) uint16  { return f32ToF16(oddF32(v)) }
func f64ToBF16(v float64) uint16 { return f32ToBF16(oddF32(v)) }

// Loops over whole buffers.

func widenF16(out []float32, x []uint16) {
	for i, h := range x {
		out[i] = f16ToF32(h)
	}
}

func widenBF16(out []float32, x []uint16) {
	for i, h := range x {
		out[i] = bf16ToF32(h)
	}
}

func narrowF16(out []uint16, x []float32) {
	for i, v := range x {
		out[i] = f32ToF16(v)
	}
}

func narrowBF16(out []uint16, x []float32) {
	for i, v := range x {
		out[i] = f32ToBF16(v)
	}
}
