package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Isinf is the op isinf.
var Isinf = ir.Register(&ir.Op{
	Name: "isinf",
	Doc: `isinf(x): whether x is inf or -inf, element by element; false for integers.

Example: isinf([1.0, nan, -inf]) = [false, false, true]`,
	Params:    []ir.Param{kit.Tensor("x", "numbers of any shape")},
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.TestOfNumber,
	Reference: kit.EachTest(func(v float64) bool { return math.IsInf(v, 0) }),
})
