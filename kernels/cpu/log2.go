package cpu

import "math"

// log2: the logarithm to base 2, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// Powers of two are exact. Near 1 it is a multiple of the natural logarithm: math.Log2
// adds the logarithm of the mantissa, from ½ on, to the exponent, and their digits
// cancel there.
func init() { register("log2", wide(log2Loop, log2Loop)) }

func log2Loop(b []float64) {
	for i, v := range b {
		b[i] = log2(v)
	}
}

func log2(x float64) float64 {
	if x > 0.7 && x < 1.4 {
		return math.Log(x) * math.Log2E
	}
	return math.Log2(x)
}
