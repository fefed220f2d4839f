package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Isinf = ir.Register(kit.Test(&ir.Op{
	Name: "isinf",
	Doc: `Whether x is infinite, of either sign, element by element.

For integers the result is false.`,
	Example: `
x: f32[3] = [1, nan, -inf]
isinf(x): bool[3] = [false, false, true]`,
}, func(v float64) bool { return math.IsInf(v, 0) }))
