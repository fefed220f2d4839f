package cpu

// leaky_relu: x above 0, and negative_slope·x below.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("leaky_relu", on(first, floats(leakyRelu[float32], leakyRelu[float64]))) }

func leakyRelu[T float](a *Args) func() {
	x, out, slope := view[T](a.input(0)), view[T](a.Output), T(a.float(0))
	sameShape(a.input(0), a.Output)
	return func() {
		for i, v := range x {
			if v > 0 {
				out[i] = v
			} else {
				out[i] = slope * v
			}
		}
	}
}
