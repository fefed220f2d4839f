package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Ceil is the op ceil.
var Ceil = ir.Register(&ir.Op{
	Name:   "ceil",
	Family: ir.Arithmetic,
	Doc: `x rounded up to a whole number, element by element.

Integers stay as they are. The gradient is 0 everywhere.`,
	Example: `
x: f32[2] = [-1.5, 1.5]
ceil(x): f32[2] = [-1, 2]`,
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(math.Ceil, func(v int64) int64 { return v }),
	Scalar:    comptime.Whole(math.Ceil),
})
