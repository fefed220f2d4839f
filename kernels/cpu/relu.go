package cpu

// relu: max(x, 0), elementwise. NaN stays.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("relu", unaryNumbers(relu, relu, relu, relu)) }

func relu[T number](out, x []T) {
	for i, v := range x {
		out[i] = max(v, 0)
	}
}
