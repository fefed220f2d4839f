package ops

import "github.com/flowrun/flowrun/ir"

// Zeros is the op zeros.
var Zeros = ir.Register(&ir.Op{
	Name: "zeros",
	Doc: `zeros(shape, dtype="f32"): a tensor of zeros.

Example: zeros([2]) = [0.0, 0.0]`,
	Params:    []ir.Param{paramShape, dtypeOr(ir.F32)},
	Class:     ir.Leaf,
	Infer:     inferConstant,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return filled(n.Type, numberOf(n.Type.DType, 0)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return Fill(b, n.Type, 0) },
})
