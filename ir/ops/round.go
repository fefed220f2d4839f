package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Round is the op round.
var Round = ir.Register(&ir.Op{
	Name: "round",
	Doc: `round(x): the whole number nearest to x, the even one of two, element by element.

Integers stay as they are. Its gradient is 0.

Example: round([0.5, 1.5, -2.6]) = [0.0, 2.0, -3.0]`,
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(math.RoundToEven, func(v int64) int64 { return v }),
	Scalar:    comptime.Whole(math.RoundToEven),
})
