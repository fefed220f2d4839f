package cpu

// sign: -1, 0 or 1 by the sign of x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// 0 for NaN.

func init() {
	register("sign", on(first, numbers(unary(signLoop[int32]), unary(signLoop[int64]), unary(signLoop[float32]), unary(signLoop[float64]))))
}

func signLoop[T number](out, x []T) {
	for i, v := range x {
		switch {
		case v > 0:
			out[i] = 1
		case v < 0:
			out[i] = -1
		default:
			out[i] = 0
		}
	}
}
