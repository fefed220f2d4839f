package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Trunc = ir.Register(kit.Rounding(&ir.Op{
	Name: "trunc",
	Doc: `x without its fraction, element by element.

Integers stay as they are. The gradient is 0 everywhere.`,
	Example: `
x: f32[2] = [-1.5, 1.5]
trunc(x): f32[2] = [-1, 1]`,
}, math.Trunc))
