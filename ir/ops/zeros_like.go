package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// ZerosLike is the op zeros_like.
var ZerosLike = ir.Register(&ir.Op{
	Name:   "zeros_like",
	Family: ir.Creation,
	Doc:    `Zeros in the shape and dtype of x.`,
	Example: `
x: f32[2] = [5, 6]
zeros_like(x): f32[2] = [0, 0]`,
	Params:    []ir.Param{kit.ParamX},
	Class:     ir.Leaf,
	Infer:     kit.LikeOperand,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return kit.Filled(n.Type, kit.NumberOf(n.Type.DType, 0)) },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Fill(n.Type, 0) },
})
