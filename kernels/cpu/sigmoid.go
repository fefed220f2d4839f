package cpu

// sigmoid: 1 / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("sigmoid", wide(sigmoidLoop[float32], sigmoidLoop[float64])) }

func sigmoidLoop[T float](b []float64) {
	for i, v := range b {
		b[i] = 1 / (1 + expOf[T](-v))
	}
}
