package cpu

// sign: -1, 0 or 1 by the sign of x, elementwise. 0 for NaN.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("sign", unaryNumbers(sign, sign, sign, sign)) }

func sign[T number](out, x []T) {
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
