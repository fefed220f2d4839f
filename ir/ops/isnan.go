package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Isnan is the op isnan.
var Isnan = ir.Register(&ir.Op{
	Name: "isnan",
	Doc: `isnan(x): whether x is not a number, element by element; false for integers.

Example: isnan([1.0, nan, -inf]) = [false, true, false]`,
	Params:    []ir.Param{tensor("x", "numbers of any shape")},
	Class:     ir.Elementwise,
	Infer:     testOfNumber,
	Reference: eachTest(math.IsNaN),
})
