package cpu

import (
	"cmp"
	"math"
	"slices"
)

// argsort: the indices that sort x along a dim, ascending or descending. Equal elements
// keep their order; NaN counts as larger than all numbers.
//
// x [...] → out i32, of x's shape. Bound by bytes.
//
// An element becomes an integer that is ordered as elements are, and rows are sorted by
// it: short ones by comparing, others digit by digit (a radix sort from the least
// significant byte, which leaves out bytes that are the same in all of the row).
func init() {
	register("argsort", on(first, anything(argsort(orderOfInt[uint8]), argsort(orderOfInt[int32]), argsort(orderOfInt[int64]),
		argsort(orderOfF32), argsort(orderOfF64))))
}

// placed is an element of a row: its order, and its index.
type placed struct {
	key uint64
	at  int32
}

// shortRow is the longest row that is sorted by comparing.
const shortRow = 96

func argsort[T element](keyOf func(T) uint64) binder {
	return func(a *Args) func() {
		in := a.input(0)
		x, out := view[T](in), view[int32](a.Output)
		sameShape(in, a.Output)
		outer, n, inner := split(in.Shape, a.dim(0, in.Shape))
		if len(x) == 0 {
			return nothing
		}
		var flip uint64
		if a.bool(1) {
			flip = math.MaxUint64
		}
		row, scratch := make([]placed, n), make([]placed, n)
		return func() {
			for o := range outer {
				for i := range inner {
					first := o*n*inner + i
					for j := range row {
						row[j] = placed{keyOf(x[first+j*inner]) ^ flip, int32(j)}
					}
					for j, p := range sortPlaced(row, scratch) {
						out[first+j*inner] = p.at
					}
				}
			}
		}
	}
}

// sortPlaced sorts a row, there or in the scratch memory, and says where it is.
func sortPlaced(row, scratch []placed) []placed {
	if len(row) <= shortRow {
		slices.SortFunc(row, func(a, b placed) int {
			if c := cmp.Compare(a.key, b.key); c != 0 {
				return c
			}
			return cmp.Compare(a.at, b.at)
		})
		return row
	}
	var differ uint64
	for _, p := range row {
		differ |= p.key ^ row[0].key
	}
	for shift := 0; shift < 64; shift += 8 {
		if differ>>shift&0xff == 0 {
			continue
		}
		var starts [256]int32
		for _, p := range row {
			starts[p.key>>shift&0xff]++
		}
		next := int32(0)
		for i, count := range starts {
			starts[i] = next
			next += count
		}
		for _, p := range row {
			to := &starts[p.key>>shift&0xff]
			scratch[*to] = p
			*to++
		}
		row, scratch = scratch, row
	}
	return row
}

// The orders of elements, as unsigned integers.

func orderOfInt[T integer | uint8](v T) uint64 { return uint64(int64(v)) ^ 1<<63 }

func orderOfF32(v float32) uint64 {
	if v != v {
		return math.MaxUint64
	}
	b := int64(int32(math.Float32bits(v)))
	if b < 0 {
		b = -(b & math.MaxInt32)
	}
	return uint64(b) ^ 1<<63
}

func orderOfF64(v float64) uint64 {
	if v != v {
		return math.MaxUint64
	}
	b := int64(math.Float64bits(v))
	if b < 0 {
		b = -(b & math.MaxInt64)
	}
	return uint64(b) ^ 1<<63
}
