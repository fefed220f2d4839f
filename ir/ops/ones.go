package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Ones is the op ones.
var Ones = ir.Register(&ir.Op{
	Name:   "ones",
	Family: ir.Creation,
	Doc:    `A tensor of ones.`,
	Example: `
ones([2]): f32[2] = [1, 1]`,
	Params:    []ir.Param{kit.ParamShape, kit.DtypeOr(ir.F32)},
	Class:     ir.Leaf,
	Infer:     kit.InferConstant,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return kit.Filled(n.Type, kit.NumberOf(n.Type.DType, 1)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Fill(n.Type, 1) },
	Sample:    kit.SampleFilled,
})
