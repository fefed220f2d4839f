package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Where is the op where.
var Where = ir.Register(&ir.Op{
	Name: "where",
	Doc: `where(condition, input, other): input where the condition holds, else other.

The condition is bool; all three are broadcast; input and other meet in one
dtype. The gradient of what isn't taken is 0, even if it is infinite or NaN.

Example: where([true, false], [1, 2], 0) = [1, 0]`,
	Params: []ir.Param{
		kit.Tensor("condition", "bool"),
		kit.Tensor("input", "what is taken where the condition holds"),
		kit.Tensor("other", "what is taken elsewhere"),
	},
	Class:   ir.Elementwise,
	Promote: ir.PromoteTail,
	Exact:   true,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if n.Inputs[0].Type.DType != ir.Bool {
			return ir.Type{}, kit.Refuse("condition", `compare it with something, or cast(…, "bool")`,
				"the condition must be bool; %s", kit.Named(n, 0))
		}
		shape, err := kit.BroadcastOperands(n)
		return ir.Type{DType: n.Inputs[1].Type.DType, Shape: shape}, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		c, x, y := n.Inputs[0], n.Inputs[1], n.Inputs[2]
		return []*ir.Node{nil, b.SumTo(b.Where(c, g, 0.0), x), b.SumTo(b.Where(c, 0.0, g), y)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		c := kit.BroadcastOffsets(in[0].Type.Shape, n.Type.Shape)
		x := kit.Pick(n.Type, in[1], kit.BroadcastOffsets(in[1].Type.Shape, n.Type.Shape))
		y := kit.Pick(n.Type, in[2], kit.BroadcastOffsets(in[2].Type.Shape, n.Type.Shape))
		for i := range out.Len() {
			from := y
			if in[0].I[c[i]] != 0 {
				from = x
			}
			if out.F != nil {
				out.F[i] = from.F[i]
			} else {
				out.I[i] = from.I[i]
			}
		}
		return out
	},
})
