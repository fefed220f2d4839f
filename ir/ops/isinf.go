package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Isinf is the op isinf.
var Isinf = ir.Register(&ir.Op{
	Name:   "isinf",
	Family: ir.Comparison,
	Doc: `Whether x is infinite, of either sign, element by element.

For integers the result is false.`,
	Example: `
x: f32[3] = [1, nan, -inf]
isinf(x): bool[3] = [false, false, true]`,
	Params:    []ir.Param{kit.Tensor("x", "numbers of any shape")},
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.TestOfNumber,
	Reference: kit.EachTest(func(v float64) bool { return math.IsInf(v, 0) }),
})
