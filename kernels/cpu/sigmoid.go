package cpu

// sigmoid: 1 / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() {
	register("sigmoid", on(first, floats(unary(sigmoidLoop[float32]), unary(sigmoidLoop[float64]))))
}

func sigmoidLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(1 / (1 + expOf[T](-float64(v))))
	}
}
