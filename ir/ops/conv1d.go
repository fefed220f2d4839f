package ops

import "github.com/flowrun/flowrun/ir"

var Conv1d = ir.Register(convolving(&ir.Op{
	Name: "conv1d",
	Example: `
x: f32[1, 1, 4] = [[[1, 2, 3, 4]]]
w: f32[1, 1, 2] = [[[-1, 1]]]
conv1d(x, w, padding=1): f32[1, 1, 5] = [[[1, 1, 1, 1, -4]]]`,
}, 1))
