package cpu

import "math"

// logcumsumexp: the logarithm of the running sum of e^x along dim, the element itself
// included.
//
// x [...] → out [...], in f64. Bound by flops.
//
// The sum is kept relative to the largest element so far, so nothing overflows.
func init() {
	register("logcumsumexp", on(first, floats(alongDim(logcumsumexp[float32]), alongDim(logcumsumexp[float64]))))
}

// logcumsumexp works on n elements that lie stride apart.
func logcumsumexp[T float](out, x []T, n, stride int) {
	top, sum := math.Inf(-1), 0.0 // the sum is sum · e^top
	for i := 0; i < n*stride; i += stride {
		switch v := float64(x[i]); {
		case v > top:
			top, sum = v, sum*math.Exp(top-v)+1
		case v == top: // also of infinities, whose difference is NaN
			sum++
		default:
			sum += math.Exp(v - top)
		}
		out[i] = T(top + math.Log(sum))
	}
}
