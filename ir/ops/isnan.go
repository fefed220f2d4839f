package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Isnan = ir.Register(kit.Test(&ir.Op{
	Name: "isnan",
	Doc: `Whether x is not a number, element by element.

For integers the result is false.`,
	Example: `
x: f32[3] = [1, nan, -inf]
isnan(x): bool[3] = [false, true, false]`,
}, math.IsNaN))
