package ops

import "github.com/flowrun/flowrun/ir"

var ConvTranspose2d = ir.Register(transposing(&ir.Op{
	Name: "conv_transpose2d",
	Example: `
x: f32[1, 1, 1, 2] = [[[[1, 2]]]]
w: f32[1, 1, 2, 2] = [[[[1, 2], [3, 4]]]]
conv_transpose2d(x, w): f32[1, 1, 2, 3] = [[[[1, 4, 4], [3, 10, 8]]]]`,
}, 2))
