package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Floor is the op floor.
var Floor = ir.Register(&ir.Op{
	Name: "floor",
	Doc: `floor(x): the largest whole number at most x, element by element.

Integers stay as they are. Its gradient is 0.

Example: floor([-1.5, 1.5]) = [-2.0, 1.0]`,
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(math.Floor, func(v int64) int64 { return v }),
	Scalar:    comptime.Whole(math.Floor),
})
