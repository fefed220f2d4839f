package ops

import "github.com/flowrun/flowrun/ir"

var ConvTranspose3d = ir.Register(transposing(&ir.Op{
	Name: "conv_transpose3d",
	Example: `
x: f32[1, 1, 1, 1, 2] = [[[[[1, 2]]]]]
w: f32[1, 1, 2, 1, 1] = [[[[[1]], [[10]]]]]
conv_transpose3d(x, w): f32[1, 1, 2, 1, 2] = [[[[[1, 2]], [[10, 20]]]]]`,
}, 3))
