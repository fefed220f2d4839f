package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Floor = ir.Register(kit.Rounding(&ir.Op{
	Name: "floor",
	Doc: `x rounded down to a whole number, element by element.

Integers stay as they are. The gradient is 0 everywhere.`,
	Example: `
x: f32[2] = [-1.5, 1.5]
floor(x): f32[2] = [-2, 1]`,
}, math.Floor))
