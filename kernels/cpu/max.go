package cpu

// max: the largest element over dims. NaN if one is NaN. Of no elements it is the least
// value of the type.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
func init() {
	register("max", on(first, numbers(reduce(maxOf(lowest[int32]())), reduce(maxOf(lowest[int64]())),
		reduce(fastExtreme("max", maxOf(lowest[float32]()))), reduce(maxOf(lowest[float64]())))))
}

func maxOf[T number](start T) reduction[T, T, T] {
	return reduction[T, T, T]{start: start, row: maxRow[T], columns: maxColumns[T], end: as[T, T]}
}

// maxRow takes a NaN over anything, and nothing over a NaN. The comparisons cost
// less than Go's max, which also orders the zeros.
func maxRow[T number](acc T, x []T) T {
	for _, v := range x {
		if v > acc || v != v {
			acc = v
		}
	}
	return acc
}

func maxColumns[T number](acc, x []T) {
	for i, v := range x {
		if v > acc[i] || v != v {
			acc[i] = v
		}
	}
}

// fastExtreme is max or min of f32, in assembly where there is that.
func fastExtreme(name string, r reduction[float32, float32, float32]) reduction[float32, float32, float32] {
	slow, fast := r, rows.Fold[name+"F32"]
	if fast == nil {
		return r
	}
	columns := rows.Binary[name+"imumF32"]
	r.row = func(acc float32, x []float32) float32 {
		if len(x) < fewFolded {
			return slow.row(acc, x)
		}
		v := float32(fast(start(x), len(x), nil))
		if v != v || name == "max" && v > acc || name == "min" && v < acc {
			return v
		}
		return acc
	}
	r.columns = func(acc, x []float32) {
		if len(x) < fewExact {
			slow.columns(acc, x)
			return
		}
		columns(start(acc), start(acc), start(x), len(x), 1, 1)
	}
	return r
}
