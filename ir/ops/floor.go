package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Floor is the op floor.
var Floor = ir.Register(&ir.Op{
	Name:   "floor",
	Family: ir.Arithmetic,
	Doc: `x rounded down to a whole number, element by element.

Integers stay as they are. The gradient is 0 everywhere.`,
	Example: `
x: f32[2] = [-1.5, 1.5]
floor(x): f32[2] = [-2, 1]`,
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(math.Floor, func(v int64) int64 { return v }),
	Scalar:    comptime.Whole(math.Floor),
})
