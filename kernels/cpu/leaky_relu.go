package cpu

// leaky_relu: x above 0, and negative_slope·x below.
//
// x [...] → out [...]. Bound by bytes.
func init() {
	register("leaky_relu", on(first, floats(unaryOf(leakyRelu[float32]), unaryOf(leakyRelu[float64]))))
}

func leakyRelu[T float](a *Args) func(out, x []T) {
	slope := T(a.float(0))
	return func(out, x []T) {
		for i, v := range x {
			if v > 0 {
				out[i] = v
			} else {
				out[i] = slope * v
			}
		}
	}
}
