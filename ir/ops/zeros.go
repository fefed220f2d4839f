package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Zeros is the op zeros.
var Zeros = ir.Register(&ir.Op{
	Name:   "zeros",
	Family: ir.Creation,
	Doc:    `A tensor of zeros.`,
	Example: `
zeros([2]): f32[2] = [0, 0]`,
	Params:    []ir.Param{kit.ParamShape, kit.DtypeOr(ir.F32)},
	Class:     ir.Leaf,
	Infer:     kit.InferConstant,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return kit.Filled(n.Type, kit.NumberOf(n.Type.DType, 0)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Fill(n.Type, 0) },
	Sample:    kit.SampleFilled,
})
