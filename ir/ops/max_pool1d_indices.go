package ops

import "github.com/flowrun/flowrun/ir"

var MaxPool1dIndices = ir.Register(maxPoolIndices(1, &ir.Op{
	Name: "max_pool1d_indices",
	Doc: `Where max_pool1d finds what it takes: the place of the first largest element of each window.

It counts row by row along the last dim of x, and is -1 for a window without elements.
max_pool1d_with_indices has both.`,
	Example: `
x: f32[1, 4] = [[1, 3, 2, 5]]
max_pool1d_indices(x, 2): i32[1, 2] = [[1, 3]]`,
}))
