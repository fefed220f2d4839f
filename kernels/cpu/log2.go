package cpu

import "math"

// log2: the logarithm to base 2, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("log2", wide(log2Loop, log2Loop)) }

func log2Loop(b []float64) {
	for i, v := range b {
		b[i] = math.Log2(v)
	}
}
