package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Isnan is the op isnan.
var Isnan = ir.Register(&ir.Op{
	Name: "isnan",
	Doc: `isnan(x): whether x is not a number, element by element; false for integers.

Example: isnan([1.0, nan, -inf]) = [false, true, false]`,
	Params:    []ir.Param{kit.Tensor("x", "numbers of any shape")},
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.TestOfNumber,
	Reference: kit.EachTest(math.IsNaN),
})
