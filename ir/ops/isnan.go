package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Isnan is the op isnan.
var Isnan = ir.Register(&ir.Op{
	Name:   "isnan",
	Family: ir.Comparison,
	Doc: `Whether x is not a number, element by element.

For integers the result is false.`,
	Example: `
x: f32[3] = [1, nan, -inf]
isnan(x): bool[3] = [false, true, false]`,
	Params:    []ir.Param{kit.Tensor("x", "numbers of any shape")},
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.TestOfNumber,
	Reference: kit.EachTest(math.IsNaN),
})
