package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Ceil = ir.Register(kit.Rounding(&ir.Op{
	Name: "ceil",
	Doc: `x rounded up to a whole number, element by element.

Integers stay as they are. The gradient is 0 everywhere.`,
	Example: `
x: f32[2] = [-1.5, 1.5]
ceil(x): f32[2] = [-1, 2]`,
}, math.Ceil))
