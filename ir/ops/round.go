package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Round = ir.Register(kit.Rounding(&ir.Op{
	Name: "round",
	Doc: `x rounded to the nearest whole number, element by element.

Halves are rounded to the even one of their neighbours. Integers stay as they are.
The gradient is 0 everywhere.`,
	Example: `
x: f32[3] = [0.5, 1.5, -2.6]
round(x): f32[3] = [0, 2, -3]`,
}, math.RoundToEven))
