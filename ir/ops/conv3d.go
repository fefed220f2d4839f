package ops

import "github.com/flowrun/flowrun/ir"

var Conv3d = ir.Register(convolving(&ir.Op{
	Name: "conv3d",
	Example: `
x: f32[1, 1, 2, 1, 2] = [[[[[1, 2]], [[3, 4]]]]]
w: f32[1, 1, 2, 1, 1] = [[[[[1]], [[10]]]]]
conv3d(x, w): f32[1, 1, 1, 1, 2] = [[[[[31, 42]]]]]`,
}, 3))
