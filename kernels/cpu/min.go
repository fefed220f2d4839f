package cpu

// min: the smallest element over dims. NaN if one is NaN. Of no elements it is the
// greatest value of the type.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
func init() {
	register("min", on(first, numbers(reduce(minOf(highest[int32]())), reduce(minOf(highest[int64]())),
		reduce(fastExtreme("min", minOf(highest[float32]()))), reduce(minOf(highest[float64]())))))
}

func minOf[T number](start T) reduction[T, T, T] {
	return reduction[T, T, T]{start: start, row: minRow[T], columns: minColumns[T], end: as[T, T]}
}

// minRow takes a NaN over anything, and nothing over a NaN. The comparisons cost
// less than Go's min, which also orders the zeros.
func minRow[T number](acc T, x []T) T {
	for _, v := range x {
		if v < acc || v != v {
			acc = v
		}
	}
	return acc
}

func minColumns[T number](acc, x []T) {
	for i, v := range x {
		if v < acc[i] || v != v {
			acc[i] = v
		}
	}
}
