package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Isnan is isnan.
var Isnan = ir.Register(&ir.Op{
	Name: "isnan",
	Doc: `isnan(x): whether x is not a number, element by element; false for integers and bools.

Example: isnan([1.0, nan, -inf]) = [false, true, false]`,
	Params: []ir.Param{paramX},
	Class:  ir.Elementwise,
	Infer:  testOf,
	Eval:   eachTest(math.IsNaN),
})
