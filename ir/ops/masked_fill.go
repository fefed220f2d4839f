package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var MaskedFill = ir.Register(&ir.Op{
	Name:   "masked_fill",
	Family: ir.Indexing,
	Doc: `x with a number in place of the elements where a mask is true.

mask is bool and is broadcast to x. It is where(mask, value, x) in x's dtype.`,
	Example: `
x: f32[3] = [1, 2, 3]
mask: bool[3] = [false, true, false]
masked_fill(x, mask, -inf): f32[3] = [1, -inf, 3]`,
	Torch:  "torch.Tensor.masked_fill",
	Params: []ir.Param{kit.ParamX, kit.Tensor("mask", "bool"), {Name: "value", Kind: ir.KNumber, Doc: "the number"}},
	Class:  ir.Elementwise,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x, mask := n.Inputs[0].Type, n.Inputs[1].Type
		if mask.DType != ir.Bool {
			return ir.Type{}, kit.RefuseDType("mask", `compare it with a value, or use cast(…, "bool")`, "the mask must be bool; %s", kit.Named(n, 1))
		}
		if shape, ok := ir.Broadcast(x.Shape, mask.Shape); !ok || !shape.Equal(x.Shape) {
			return ir.Type{}, kit.Refuse("mask", "each of its dims must be equal to x's or 1; where broadcasts both",
				"the mask doesn't broadcast to x; %s, %s", kit.Named(n, 0), kit.Named(n, 1))
		}
		return x, kit.NormNumber(n, "value", x.DType)
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Where(n.Inputs[1], 0.0, g), nil}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := kit.Filled(n.Type, n.Attr("value"))
		for i, at := range kit.BroadcastOffsets(in[1].Type.Shape, n.Type.Shape) {
			if in[1].I[at] == 0 {
				kit.Copy(out, i, in[0], i)
			}
		}
		return out
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Where(n.Inputs[1], b.Scalar(n.Type.DType, n.Attr("value")), n.Inputs[0])
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(0)
		return []any{s.Tensor(shape), s.Bools(s.Part(shape)), 1}
	},
})
