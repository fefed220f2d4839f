package cpu

import "math"

// log_softmax: x minus the logarithm of the sum of e^x along dim. The largest element
// is subtracted first, so nothing overflows; sums are taken in f64.
//
// x [...] → out [...]. Bound by flops.
func init() {
	register("log_softmax", on(first, floats(alongDim(logSoftmax[float32]), alongDim(logSoftmax[float64]))))
}

// logSoftmax works on n elements that lie stride apart.
func logSoftmax[T float](out, x []T, n, stride int) {
	top := topOf(x, n, stride)
	log := math.Log(expRow(nil, x, n, stride, top))
	for i := 0; i < n*stride; i += stride {
		out[i] = T(float64(x[i]) - float64(top) - log)
	}
}
