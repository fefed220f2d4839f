package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Ceil is the op ceil.
var Ceil = ir.Register(&ir.Op{
	Name: "ceil",
	Doc: `ceil(x): the smallest whole number at least x, element by element.

Integers stay as they are. Its gradient is 0.

Example: ceil([-1.5, 1.5]) = [-1.0, 2.0]`,
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(math.Ceil, func(v int64) int64 { return v }),
	Scalar:    comptime.Whole(math.Ceil),
})
