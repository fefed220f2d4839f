package irtest

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// OrderOf lists, along a dim, the positions of integers in the order of their values.
func OrderOf(x *ir.Array, dim int) *ir.Array {
	order := ir.NewArray(ir.Type{DType: ir.I32, Shape: x.Type.Shape})
	step, n := x.Type.Shape.Strides()[dim], x.Type.Shape[dim]
	row := make([]int, n)
	for first := range x.I {
		if first/step%n != 0 {
			continue // not the first of a row
		}
		for i := range row {
			row[i] = i
		}
		slices.SortStableFunc(row, func(i, j int) int { return cmp.Compare(x.I[first+i*step], x.I[first+j*step]) })
		for i, at := range row {
			order.I[first+i*step] = int64(at)
		}
	}
	return order
}
