package cpu

// indices reads a tensor of i32 or i64 as the indices of n places. What is out
// of range comes out as -1. The copy is made at each run, into scratch memory.
func indices(b Buffer, n int) (read func(), places []int) {
	places = make([]int, numel(b.Shape))
	switch b.DType {
	case "i32":
		x := view[int32](b)
		return func() { readIndices(places, x, n) }, places
	case "i64":
		x := view[int64](b)
		return func() { readIndices(places, x, n) }, places
	}
	fail("indices must be i32 or i64, not %s", b.DType)
	return nil, nil
}

func readIndices[T integer](places []int, x []T, n int) {
	for i, v := range x {
		places[i] = int(v)
		if v < 0 || int(v) >= n {
			places[i] = -1
		}
	}
}

// missing is what an index out of range reads: NaN, or 0 in types without it,
// as the bits of an element.
func missing(dtype string) uint64 {
	switch dtype {
	case "f16":
		return 0x7e00
	case "bf16":
		return 0x7fc0
	case "f32":
		return 0x7fc00000
	case "f64":
		return 0x7ff8000000000000
	}
	return 0
}

// word is any of the unsigned integers that stand for elements of their size.
type word interface {
	uint8 | uint16 | uint32 | uint64
}
