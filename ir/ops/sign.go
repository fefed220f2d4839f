package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Sign is the op sign.
var Sign = ir.Register(&ir.Op{
	Name:   "sign",
	Family: ir.Arithmetic,
	Doc: `The sign of x, element by element: -1, 0 or 1.

The sign of NaN is 0. The gradient is 0 everywhere.`,
	Example: `
x: f32[3] = [-2.5, 0, 3]
sign(x): f32[3] = [-1, 0, 1]`,
	Aliases:   "sgn",
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(func(v float64) float64 { return float64(kit.Truth(v > 0) - kit.Truth(v < 0)) }, func(v int64) int64 { return kit.Truth(v > 0) - kit.Truth(v < 0) }),
})
