package cpu

import "math"

// log: the natural logarithm, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("log", wide(log, log)) }

func log(b []float64) {
	for i, v := range b {
		b[i] = math.Log(v)
	}
}
