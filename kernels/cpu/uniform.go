package cpu

// uniform: random numbers from low up to high, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is low + (high - low) · (u >> 8) / 2²⁴ of the word u drawn for it,
// each operation rounded in f32 (in f64 for f64), so that all devices agree.

func init() {
	register("uniform", on(output, floats(uniform[float32], uniform[float64])))
}

func uniform[T float](a *Args) func() {
	low, high := T(a.float(0)), T(a.float(1))
	span := T(high - low)
	return random(a, a.int(2), func(out []T, words [4]uint32) {
		for i := range out {
			out[i] = low + T(span*unit[T](words[i]>>8))
		}
	})
}

// unit scales an integer of 24 bits to [0, 1], exactly.
func unit[T float](u uint32) T { return T(u) * (1.0 / (1 << 24)) }
