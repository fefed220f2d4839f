package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Sign = ir.Register(kit.Unary(&ir.Op{
	Name:   "sign",
	Family: ir.Arithmetic,
	Doc: `The sign of x, element by element: -1, 0 or 1.

The sign of NaN is 0. The gradient is 0 everywhere.`,
	Example: `
x: f32[3] = [-2.5, 0, 3]
sign(x): f32[3] = [-1, 0, 1]`,
	Aliases: "sgn",
	Grad:    kit.Flat,
}, signOf[float64], signOf[int64]))

func signOf[T int64 | float64](v T) T { return T(kit.Truth(v > 0) - kit.Truth(v < 0)) }
