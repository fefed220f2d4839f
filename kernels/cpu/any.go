package cpu

// any: whether any element over dims is not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements false. Bound by
// bytes.
func init() {
	register("any", on(first, anything(reduce(anyOf[uint8]()), reduce(anyOf[int32]()), reduce(anyOf[int64]()),
		reduce(anyOf[float32]()), reduce(anyOf[float64]()))))
}

func anyOf[T element]() reduction[T, uint8, uint8] {
	return reduction[T, uint8, uint8]{
		start: 0,
		row: func(acc uint8, x []T) uint8 {
			for _, v := range x {
				acc |= b2u(v != 0)
			}
			return acc
		},
		columns: func(acc []uint8, x []T) {
			for i, v := range x {
				acc[i] |= b2u(v != 0)
			}
		},
		end: as[uint8, uint8],
	}
}
