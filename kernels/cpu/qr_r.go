package cpu

// qr_r: the factor r of x = q·r, a triangle; k is the lesser of m and n.
//
// x [..., m, n] → out [..., k, n]. Bound by flops, about 2mnk for a matrix.
func init() { register("qr_r", on(first, floats(qrR[float32], qrR[float64]))) }

func qrR[T float](a *Args) func() {
	return reflecting[T](a, func(r *reflections) []float64 { return r.triangle() })
}
