package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

var Min = ir.Register(extreme(&ir.Op{
	Name: "min",
	Doc: `The smallest of the elements along some dims, or of all.

It is NaN if one of them is, and an error if there are none. Along one dim the
gradient goes to the first of equal elements; along several they share it. Unlike
PyTorch's, it gives no indices: argmin does. minimum takes the smaller of two tensors'
elements.`,
	Compute: ir.ComputeAsGiven,
	Example: `
x: i32[2, 2] = [[1, 5], [4, 2]]
min(x, dim=1): i32[2] = [1, 2]`,
	Torch:   "torch.amin",
	Aliases: "amin reduce_min",
}, "argmin", slices.Min[[]float64], slices.Min[[]int64]))
