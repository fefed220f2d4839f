package ops

import (
	"github.com/flowrun/flowrun/ir"
)

var Argcummin = ir.Register(runningPosition(&ir.Op{
	Name: "argcummin",
	Doc: `The index of the smallest element up to and including each one, along a dim.

Of equal elements the last counts, and NaN counts as the smallest. They are the indices of
PyTorch's cummin, in i32.`,
	Example: `
x: f32[4] = [3, 1, 2, 1]
argcummin(x, 0): i32[4] = [0, 1, 1, 3]`,
	Torch: "torch.cummin(…).indices",
}, func(a, b float64) bool { return a <= b }, func(a, b int64) bool { return a <= b }))
