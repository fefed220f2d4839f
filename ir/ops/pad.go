package ops

import "github.com/flowrun/flowrun/ir"

// Pad is the op pad.
var Pad = ir.Register(&ir.Op{
	Name: "pad",
	Doc: `pad(x, padding, value=0): x with a border of a value: [before, after] for each dim, the first dim first.

Example: pad([[1, 2]], [[0, 1], [2, 0]], 9) = [[9, 9, 1, 2], [9, 9, 9, 9]]`,
	Params: []ir.Param{
		paramX,
		{Name: "padding", Kind: ir.KPairs, Doc: "how many elements before and after, for each dim of x"},
		{Name: "value", Kind: ir.KNumber, Default: 0, Optional: true, Doc: "what the border is filled with"},
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		padding := n.Attr("padding").([][2]int)
		if len(padding) != len(x.Shape) {
			return ir.Type{}, refuse("padding", "dims that stay as they are get [0, 0]",
				"padding has %d pairs, one for each dim is needed; %s", len(padding), named(n, 0))
		}
		shape := append(ir.Shape{}, x.Shape...)
		for i, p := range padding {
			if p[0] < 0 || p[1] < 0 {
				return ir.Type{}, refuseItem("padding", i, "slice cuts elements off", "padding can't be negative; dim %d gets %v", i, ir.Shape(p[:]))
			}
			shape[i] = ir.AddSize(shape[i], p[0], p[1])
		}
		if err := normNumber(n, "value", x.DType); err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: x.DType, Shape: shape}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		for i, p := range n.Attr("padding").([][2]int) {
			g = slice(b, g, i, p[0], p[0]+n.Inputs[0].Type.Shape[i])
		}
		return nodes{g}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := filled(n.Type, n.Attr("value"))
		strides, start := n.Type.Shape.Strides(), 0
		for i, p := range n.Attr("padding").([][2]int) {
			start += p[0] * strides[i]
		}
		put(out, in[0], offsets(in[0].Type.Shape, strides, start))
		return out
	},
})
