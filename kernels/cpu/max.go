package cpu

// max: the largest element over dims.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
//
// NaN if one is NaN. Of no elements it is the least value of the type.

func init() {
	register("max", on(first, numbers(reduce(maxOf(lowest[int32]())), reduce(maxOf(lowest[int64]())),
		reduce(maxOf(lowest[float32]())), reduce(maxOf(lowest[float64]())))))
}

func maxOf[T number](start T) reduction[T, T, T] {
	return reduction[T, T, T]{start: start, row: maxRow[T], columns: maxColumns[T], end: as[T, T]}
}

func maxRow[T number](acc T, x []T) T {
	for _, v := range x {
		acc = max(acc, v)
	}
	return acc
}

func maxColumns[T number](acc, x []T) {
	for i, v := range x {
		acc[i] = max(acc[i], v)
	}
}
