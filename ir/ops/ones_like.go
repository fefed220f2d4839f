package ops

import "github.com/flowrun/flowrun/ir"

// OnesLike is the op ones_like.
var OnesLike = ir.Register(&ir.Op{
	Name: "ones_like",
	Doc: `ones_like(x): ones in the shape and dtype of x.

Example: ones_like([[5.0, 6.0]]) = [[1.0, 1.0]]`,
	Params:    []ir.Param{paramX},
	Class:     ir.Leaf,
	Infer:     likeOperand,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return filled(n.Type, numberOf(n.Type.DType, 1)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return Fill(b, n.Type, 1) },
})
