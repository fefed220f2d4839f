package cpu

// all: whether all elements over dims are not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements true. Bound by
// bytes.
func init() {
	register("all", on(first, anything(reduce(allOf[uint8]()), reduce(allOf[int32]()), reduce(allOf[int64]()),
		reduce(allOf[float32]()), reduce(allOf[float64]()))))
}

func allOf[T element]() reduction[T, uint8, uint8] {
	return reduction[T, uint8, uint8]{
		start: 1,
		row: func(acc uint8, x []T) uint8 {
			for _, v := range x {
				acc &= b2u(v != 0)
			}
			return acc
		},
		columns: func(acc []uint8, x []T) {
			for i, v := range x {
				acc[i] &= b2u(v != 0)
			}
		},
		end: as[uint8, uint8],
	}
}
