package cpu

import "math"

// log_softmax: x minus the logarithm of the sum of e^x along dim. The largest element
// is subtracted first, so nothing overflows; sums are taken in f64.
//
// x [...] → out [...]. Bound by flops.
func init() {
	register("log_softmax", on(first, floats(fastLogSoftmax, alongDim(logSoftmax[float64]))))
}

// logSoftmax works on n elements that lie stride apart.
func logSoftmax[T float](out, x []T, n, stride int) {
	top := topOf(x, n, stride)
	log := math.Log(expRow(nil, x, n, stride, top))
	for i := 0; i < n*stride; i += stride {
		out[i] = T(float64(x[i]) - float64(top) - log)
	}
}

// fastLogSoftmax is log_softmax of f32, in assembly where there is that and elements lie
// side by side.
func fastLogSoftmax(a *Args) func() {
	in, n, ok := fastRows(a)
	if !ok {
		return alongDim(logSoftmax[float32])(a)
	}
	x, out := view[float32](in), view[float32](a.Output)
	exps, shift, args := rows.Fold["expsF32"], rows.UnaryOf["shiftF32"], make([]float64, 2)
	return func() {
		for at := 0; at < len(x); at += n {
			row := start(x[at:])
			args[0] = float64(topOf(x[at:], n, 1))
			args[1] = math.Log(exps(row, n, &args[0]))
			shift(start(out[at:]), row, n, &args[0])
		}
	}
}
