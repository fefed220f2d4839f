package ops

import "github.com/flowrun/flowrun/ir"

var Conv2d = ir.Register(convolving(&ir.Op{
	Name: "conv2d",
	Example: `
x: f32[1, 1, 2, 3] = [[[[1, 2, 3], [4, 5, 6]]]]
w: f32[1, 1, 2, 2] = [[[[1, 0], [0, 1]]]]
b: f32[1] = [0.5]
conv2d(x, w, b): f32[1, 1, 1, 2] = [[[[6.5, 8.5]]]]`,
}, 2))
