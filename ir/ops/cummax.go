package ops

import (
	"github.com/flowrun/flowrun/ir"
)

var Cummax = ir.Register(running(&ir.Op{
	Name: "cummax",
	Doc: `The largest of all elements up to and including each one, along a dim.

From the first NaN on it is NaN. The gradient goes to the last of equal elements. Unlike
PyTorch's it gives no indices: argcummax does.`,
	Example: `
x: f32[4] = [1, 3, 2, 4]
cummax(x, 0): f32[4] = [1, 3, 3, 4]`,
}, "argcummax"))
