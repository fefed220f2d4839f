package cpu

// qr_q: the factor q of x = q·r, with k orthonormal columns; k is the lesser of m and n.
//
// x [..., m, n] → out [..., m, k]. Bound by flops, about 4mnk for a matrix.
func init() { register("qr_q", on(first, floats(qrQ[float32], qrQ[float64]))) }

func qrQ[T float](a *Args) func() {
	return reflecting[T](a, func(r *reflections) []float64 { return r.product() })
}
