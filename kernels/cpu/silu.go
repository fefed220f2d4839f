package cpu

// silu: x · sigmoid(x) = x / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("silu", wide(siluLoop[float32], siluLoop[float64])) }

func siluLoop[T float](b []float64) {
	for i, v := range b {
		b[i] = v / (1 + expOf[T](-v))
	}
}
