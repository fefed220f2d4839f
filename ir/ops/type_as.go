package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var TypeAs = ir.Register(&ir.Op{
	Name:   "type_as",
	Family: ir.DTypeFamily,
	Doc: `x in the dtype of other.

It casts as cast does. Of other only the dtype matters.`,
	Example: `
x: i32[2] = [1, 2]
other: f32[] = 0.5
type_as(x, other): f32[2] = [1, 2]`,
	Torch:  "torch.Tensor.type_as",
	Params: []ir.Param{kit.ParamX, kit.Tensor("other", "any tensor of the dtype")},
	Class:  ir.Elementwise,
	Infer: func(n *ir.Node) (ir.Type, error) {
		return ir.Type{DType: n.Inputs[1].Type.DType, Shape: n.Inputs[0].Type.Shape}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x := n.Inputs[0]
		if !x.Type.DType.IsFloat() {
			return []*ir.Node{nil, nil}
		}
		return []*ir.Node{b.Cast(g, x.Type.DType), nil}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array { return ir.CastOp.Reference(n, in[:1]) },
	Inline:    true,
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Cast(n.Inputs[0], n.Type.DType) },
})
