package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Pad = ir.Register(&ir.Op{
	Name:   "pad",
	Family: ir.Shapes,
	Doc: `x with a border of one value.

padding has a pair [before, after] for each dim, the first dim first; PyTorch's is one
flat list that begins with the last dim.`,
	Example: `
x: i32[1, 2] = [[1, 2]]
pad(x, [[0, 1], [2, 0]], 9): i32[2, 4] = [[9, 9, 1, 2], [9, 9, 9, 9]]`,
	Torch: "torch.nn.functional.pad",
	Params: []ir.Param{
		kit.ParamX,
		{Name: "padding", Kind: ir.KPairs, Doc: "a pair [before, after] for each dim of x"},
		{Name: "value", Kind: ir.KNumber, Default: 0, Optional: true, Doc: "the value of the border"},
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		padding := n.Attr("padding").([][2]int)
		if len(padding) != len(x.Shape) {
			return ir.Type{}, kit.Refuse("padding", "use [0, 0] for dims without padding",
				"padding has %d pairs, but one per dim is required; %s", len(padding), kit.Named(n, 0))
		}
		shape := append(ir.Shape{}, x.Shape...)
		for i, p := range padding {
			if p[0] < 0 || p[1] < 0 {
				return ir.Type{}, kit.RefuseItem("padding", i, "slice cuts elements off", "padding can't be negative; dim %d gets %v", i, ir.Shape(p[:]))
			}
			shape[i] = ir.AddSize(shape[i], p[0], p[1])
		}
		if err := kit.NormNumber(n, "value", x.DType); err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: x.DType, Shape: shape}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		for i, p := range n.Attr("padding").([][2]int) {
			g = slice(b, g, i, p[0], p[0]+n.Inputs[0].Type.Shape[i])
		}
		return []*ir.Node{g}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := kit.Filled(n.Type, n.Attr("value"))
		strides, start := n.Type.Shape.Strides(), 0
		for i, p := range n.Attr("padding").([][2]int) {
			start += p[0] * strides[i]
		}
		kit.Put(out, in[0], kit.Offsets(in[0].Type.Shape, strides, start))
		return out
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(0)
		padding := make([][2]int, len(shape))
		for i := range padding {
			if s.Int(0, 2) == 0 {
				padding[i] = [2]int{s.Int(0, 2), s.Int(0, 2)}
			}
		}
		return []any{s.Tensor(shape), padding, s.Int(0, 1)}
	},
})
