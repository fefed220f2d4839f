package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Isfinite is isfinite.
var Isfinite = ir.Register(&ir.Op{
	Name: "isfinite",
	Doc: `isfinite(x): whether x is neither infinite nor NaN, element by element; true for integers and bools.

Example: isfinite([1.0, nan, -inf]) = [true, false, false]`,
	Params: []ir.Param{paramX},
	Class:  ir.Elementwise,
	Infer:  testOf,
	Eval:   eachTest(func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }),
})
