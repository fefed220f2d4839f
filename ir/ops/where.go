package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Where = ir.Register(&ir.Op{
	Name:   "where",
	Family: ir.Comparison,
	Doc: `input where the condition is true, and other where it is false.

The condition is bool. All three are broadcast against each other; input and other
meet in one dtype. What isn't taken gets a gradient of 0, even if its own would be
infinite or NaN.`,
	Example: `
condition: bool[3] = [true, false, true]
x: f32[3] = [1, 2, 3]
where(condition, x, 0): f32[3] = [1, 0, 3]`,
	Aliases: "ifelse select_if cond",
	Params: []ir.Param{
		kit.Tensor("condition", "bool"),
		kit.Tensor("input", "the value where the condition is true"),
		kit.Tensor("other", "the value where it is false"),
	},
	Class:   ir.Elementwise,
	Promote: ir.PromoteTail,
	Exact:   true,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if n.Inputs[0].Type.DType != ir.Bool {
			return ir.Type{}, kit.RefuseDType("condition", `compare it with a value, or use cast(…, "bool")`,
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
			kit.Copy(out, i, from, i)
		}
		return out
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(0)
		return []any{s.Bools(s.Part(shape)), s.Tensor(s.Part(shape)), s.Tensor(shape)}
	},
})
