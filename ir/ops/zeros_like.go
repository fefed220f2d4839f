package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var ZerosLike = ir.Register(kit.FillLike(&ir.Op{
	Name: "zeros_like",
	Doc:  `Zeros in the shape and dtype of x.`,
	Example: `
x: f32[2] = [5, 6]
zeros_like(x): f32[2] = [0, 0]`,
}, 0))
