package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Sign is the op sign.
var Sign = ir.Register(&ir.Op{
	Name: "sign",
	Doc: `sign(x): -1, 0 or 1, as x is negative, zero or positive, element by element.

The sign of NaN is 0. Its gradient is 0.

Example: sign([-2.5, 0.0, 3.0]) = [-1.0, 0.0, 1.0]`,
	Params:    kit.ParamsUnary,
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.LikeNumber,
	Grad:      kit.Flat,
	Reference: kit.EachNumber(func(v float64) float64 { return float64(kit.Truth(v > 0) - kit.Truth(v < 0)) }, func(v int64) int64 { return kit.Truth(v > 0) - kit.Truth(v < 0) }),
})
