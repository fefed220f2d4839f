package cpu

// prod: the product of x over dims.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around; floats are
// multiplied in f64. Bound by bytes.
func init() {
	register("prod", on(first, numbers(form{}, reduce(prodOf[int64, int64, int64]()),
		reduce(prodOf[float32, float64, float32]()), reduce(prodOf[float64, float64, float64]()))))
}

func prodOf[T element, A, U number]() reduction[T, A, U] {
	return reduction[T, A, U]{start: 1, row: prodRow[T, A], columns: prodColumns[T, A], end: as[U, A]}
}

func prodRow[T element, A number](acc A, x []T) A {
	for _, v := range x {
		acc *= A(v)
	}
	return acc
}

func prodColumns[T element, A number](acc []A, x []T) {
	for i, v := range x {
		acc[i] *= A(v)
	}
}
