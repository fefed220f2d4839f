package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// OnesLike is the op ones_like.
var OnesLike = ir.Register(&ir.Op{
	Name: "ones_like",
	Doc: `ones_like(x): ones in the shape and dtype of x.

Example: ones_like([[5.0, 6.0]]) = [[1.0, 1.0]]`,
	Params:    []ir.Param{kit.ParamX},
	Class:     ir.Leaf,
	Infer:     kit.LikeOperand,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return kit.Filled(n.Type, kit.NumberOf(n.Type.DType, 1)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Fill(n.Type, 1) },
})
