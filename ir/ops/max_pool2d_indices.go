package ops

import "github.com/flowrun/flowrun/ir"

var MaxPool2dIndices = ir.Register(maxPoolIndices(2, &ir.Op{
	Name: "max_pool2d_indices",
	Doc: `Where max_pool2d finds what it takes: the place of the first largest element of each window.

It counts row by row along the last two dims of x, and is -1 for a window without elements.
max_pool2d_with_indices has both.`,
	Example: `
x: f32[1, 2, 4] = [[[1, 3, 2, 5], [4, 0, 9, 1]]]
max_pool2d_indices(x, 2): i32[1, 1, 2] = [[[4, 6]]]`,
}))
