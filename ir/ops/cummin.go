package ops

import (
	"github.com/flowrun/flowrun/ir"
)

var Cummin = ir.Register(running(&ir.Op{
	Name: "cummin",
	Doc: `The smallest of all elements up to and including each one, along a dim.

From the first NaN on it is NaN. The gradient goes to the last of equal elements. Unlike
PyTorch's it gives no indices: argcummin does.`,
	Example: `
x: f32[4] = [3, 1, 2, 0]
cummin(x, 0): f32[4] = [3, 1, 1, 0]`,
}, "argcummin"))
