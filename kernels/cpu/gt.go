package cpu

// gt: whether a is above b, elementwise. False if one is NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
func init() { register("gt", comparison(gt, gt, gt, gt, gt)) }

func gt[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) > b.at(i))
	}
}
