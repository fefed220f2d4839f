package cpu

// uniform: random numbers from low up to high, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is min((base + span · u) · scale, top) with u = (word >> 8) / 2²⁴ of the
// word drawn for it, each operation rounded in f32 (in f64 for f64), so that all
// devices agree. base and span are low and high - low, and scale 1; halves and 2 where
// the range is wider than the largest float. top keeps high out, which rounding would
// come to.
func init() { register("uniform", on(output, floats(uniform[float32], uniform[float64]))) }

func uniform[T float](a *Args) func() {
	base, span, scale, top := T(a.float(0)), T(a.float(1)), T(a.float(2)), T(a.float(3))
	return random(a, a.int(4), func(out []T, words [4]uint32) {
		for i := range out {
			out[i] = min(T(base+T(span*unit[T](words[i]>>8)))*scale, top)
		}
	})
}

// unit scales an integer of 24 bits to [0, 1], exactly.
func unit[T float](u uint32) T { return T(u) * (1.0 / (1 << 24)) }
