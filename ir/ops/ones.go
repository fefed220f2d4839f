package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Ones = ir.Register(kit.Fill(&ir.Op{
	Name: "ones",
	Doc:  `A tensor of ones.`,
	Example: `
ones([2]): f32[2] = [1, 1]`,
}, 1))
