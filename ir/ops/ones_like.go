package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// OnesLike is the op ones_like.
var OnesLike = ir.Register(&ir.Op{
	Name:   "ones_like",
	Family: ir.Creation,
	Doc:    `Ones in the shape and dtype of x.`,
	Example: `
x: f32[2] = [5, 6]
ones_like(x): f32[2] = [1, 1]`,
	Params:    []ir.Param{kit.ParamX},
	Class:     ir.Leaf,
	Infer:     kit.LikeOperand,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return kit.Filled(n.Type, kit.NumberOf(n.Type.DType, 1)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Fill(n.Type, 1) },
})
