package ops

import "github.com/flowrun/flowrun/ir"

var ConvTranspose1d = ir.Register(transposing(&ir.Op{
	Name: "conv_transpose1d",
	Example: `
x: f32[1, 1, 2] = [[[1, 2]]]
w: f32[1, 1, 3] = [[[1, 10, 100]]]
conv_transpose1d(x, w, stride=2): f32[1, 1, 5] = [[[1, 10, 102, 20, 200]]]`,
}, 1))
