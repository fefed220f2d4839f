package cpu

// div: a / b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
func init() { register("div", binaryFloats(div, div)) }

func div[T float](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = a.at(i) / b.at(i)
	}
}
