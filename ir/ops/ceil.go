package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Ceil is the op ceil.
var Ceil = ir.Register(&ir.Op{
	Name: "ceil",
	Doc: `ceil(x): the smallest whole number at least x, element by element.

Integers stay as they are. Its gradient is 0.

Example: ceil([-1.5, 1.5]) = [-1.0, 2.0]`,
	Params:    paramsUnary,
	Class:     ir.Elementwise,
	Infer:     likeNumber,
	Grad:      flat,
	Reference: eachNumber(math.Ceil, func(v int64) int64 { return v }),
})
