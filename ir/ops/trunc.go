package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Trunc is the op trunc.
var Trunc = ir.Register(&ir.Op{
	Name:   "trunc",
	Family: ir.Arithmetic,
	Doc: `x without its fraction, element by element.

Integers stay as they are. The gradient is 0 everywhere.`,
	Example: `
x: f32[2] = [-1.5, 1.5]
trunc(x): f32[2] = [-1, 1]`,
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(math.Trunc, func(v int64) int64 { return v }),
	Scalar:    comptime.Whole(math.Trunc),
})
