package ops

import "github.com/flowrun/flowrun/ir"

// Ones is the op ones.
var Ones = ir.Register(&ir.Op{
	Name: "ones",
	Doc: `ones(shape, dtype="f32"): a tensor of ones.

Example: ones([2]) = [1.0, 1.0]`,
	Params:    []ir.Param{paramShape, dtypeOr(ir.F32)},
	Class:     ir.Leaf,
	Infer:     inferConstant,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return filled(n.Type, numberOf(n.Type.DType, 1)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return Fill(b, n.Type, 1) },
})
