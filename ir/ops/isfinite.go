package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Isfinite = ir.Register(kit.Test(&ir.Op{
	Name: "isfinite",
	Doc: `Whether x is neither infinite nor NaN, element by element.

For integers the result is true.`,
	Example: `
x: f32[3] = [1, nan, -inf]
isfinite(x): bool[3] = [true, false, false]`,
}, func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }))
