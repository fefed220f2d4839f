package ops

import "github.com/flowrun/flowrun/ir"

var MaxPool3dIndices = ir.Register(maxPoolIndices(3, &ir.Op{
	Name: "max_pool3d_indices",
	Doc: `Where max_pool3d finds what it takes: the place of the first largest element of each window.

It counts row by row along the last three dims of x, and is -1 for a window without elements.
max_pool3d_with_indices has both.`,
	Example: `
x: f32[1, 1, 2, 4] = [[[[1, 3, 2, 5], [4, 0, 9, 1]]]]
max_pool3d_indices(x, [1, 2, 2]): i32[1, 1, 1, 2] = [[[[4, 6]]]]`,
}))
