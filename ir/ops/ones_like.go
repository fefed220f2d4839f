package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var OnesLike = ir.Register(kit.FillLike(&ir.Op{
	Name: "ones_like",
	Doc:  `Ones in the shape and dtype of x.`,
	Example: `
x: f32[2] = [5, 6]
ones_like(x): f32[2] = [1, 1]`,
}, 1))
