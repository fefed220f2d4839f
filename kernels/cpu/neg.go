package cpu

// neg: -x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

func init() {
	register("neg", on(first, numbers(unary(negLoop[int32]), unary(negLoop[int64]), unary(negLoop[float32]), unary(negLoop[float64]))))
}

func negLoop[T number](out, x []T) {
	for i, v := range x {
		out[i] = -v
	}
}
