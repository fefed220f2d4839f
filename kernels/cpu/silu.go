package cpu

// silu: x · sigmoid(x) = x / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("silu", on(first, floats(unary(siluLoop[float32]), unary(siluLoop[float64])))) }

func siluLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(float64(v) / (1 + expOf[T](-float64(v))))
	}
}
