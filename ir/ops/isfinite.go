package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Isfinite is the op isfinite.
var Isfinite = ir.Register(&ir.Op{
	Name:   "isfinite",
	Family: ir.Comparison,
	Doc: `Whether x is neither infinite nor NaN, element by element.

For integers the result is true.`,
	Example: `
x: f32[3] = [1, nan, -inf]
isfinite(x): bool[3] = [true, false, false]`,
	Params:    []ir.Param{kit.Tensor("x", "numbers of any shape")},
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.TestOfNumber,
	Reference: kit.EachTest(func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }),
})
