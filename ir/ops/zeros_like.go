package ops

import "github.com/flowrun/flowrun/ir"

// ZerosLike is the op zeros_like.
var ZerosLike = ir.Register(&ir.Op{
	Name: "zeros_like",
	Doc: `zeros_like(x): zeros in the shape and dtype of x.

Example: zeros_like([[5.0, 6.0]]) = [[0.0, 0.0]]`,
	Params:    []ir.Param{paramX},
	Class:     ir.Leaf,
	Infer:     likeOperand,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return filled(n.Type, numberOf(n.Type.DType, 0)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return Fill(b, n.Type, 0) },
})
