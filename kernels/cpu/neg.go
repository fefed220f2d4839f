package cpu

// neg: -x, elementwise. The least integer stays itself.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("neg", unaryNumbers(neg, neg, neg, neg)) }

func neg[T number](out, x []T) {
	for i, v := range x {
		out[i] = -v
	}
}
