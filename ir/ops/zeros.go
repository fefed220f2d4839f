package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Zeros = ir.Register(kit.Fill(&ir.Op{
	Name: "zeros",
	Doc:  `A tensor of zeros.`,
	Example: `
zeros([2]): f32[2] = [0, 0]`,
}, 0))
