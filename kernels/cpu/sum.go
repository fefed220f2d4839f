package cpu

// sum: the sum of x over dims.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around; floats are summed
// in f64, in four interleaved partial sums per row, so that a million f32 numbers lose
// nothing that f32 could show. Bound by bytes.
func init() {
	register("sum", on(first, numbers(form{}, reduce(sumOf[int64, int64, int64]()),
		reduce(fastSum()), reduce(sumOf[float64, float64, float64]()))))
}

func sumOf[T element, A, U number]() reduction[T, A, U] {
	return reduction[T, A, U]{row: sumRow[T, A], columns: sumColumns[T, A], end: as[U, A]}
}

func sumRow[T element, A number](acc A, x []T) A {
	if len(x) < 8 {
		for _, v := range x {
			acc += A(v)
		}
		return acc
	}
	var b, c, d A
	for ; len(x) >= 4; x = x[4:] {
		acc += A(x[0])
		b += A(x[1])
		c += A(x[2])
		d += A(x[3])
	}
	for _, v := range x {
		acc += A(v)
	}
	return (acc + b) + (c + d)
}

func sumColumns[T element, A number](acc []A, x []T) {
	for i, v := range x {
		acc[i] += A(v)
	}
}

// fastSum is that of f32, in assembly where there is that.
func fastSum() reduction[float32, float64, float32] {
	r := sumOf[float32, float64, float32]()
	slow, fast := r, rows.Fold["sumF32"]
	if fast == nil {
		return r
	}
	columns := rows.Binary["sumsF32"]
	r.row = func(acc float64, x []float32) float64 {
		if len(x) < fewFolded {
			return slow.row(acc, x)
		}
		return acc + fast(start(x), len(x), nil)
	}
	r.columns = func(acc []float64, x []float32) {
		if len(x) < fewExact {
			slow.columns(acc, x)
			return
		}
		columns(start(acc), start(acc), start(x), len(x), 1, 1)
	}
	return r
}
