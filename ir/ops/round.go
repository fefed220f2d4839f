package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Round is the op round.
var Round = ir.Register(&ir.Op{
	Name:   "round",
	Family: ir.Arithmetic,
	Doc: `x rounded to the nearest whole number, element by element.

Halves are rounded to the even one of their neighbours. Integers stay as they are.
The gradient is 0 everywhere.`,
	Example: `
x: f32[3] = [0.5, 1.5, -2.6]
round(x): f32[3] = [0, 2, -3]`,
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(math.RoundToEven, func(v int64) int64 { return v }),
	Scalar:    comptime.Whole(math.RoundToEven),
})
