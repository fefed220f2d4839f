package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Floor is the op floor.
var Floor = ir.Register(&ir.Op{
	Name: "floor",
	Doc: `floor(x): the largest whole number at most x, element by element.

Integers stay as they are. Its gradient is 0.

Example: floor([-1.5, 1.5]) = [-2.0, 1.0]`,
	Params:    paramsUnary,
	Class:     ir.Elementwise,
	Infer:     likeNumber,
	Grad:      flat,
	Reference: eachNumber(math.Floor, func(v int64) int64 { return v }),
})
