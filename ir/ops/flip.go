package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Flip = ir.Register(&ir.Op{
	Name:   "flip",
	Family: ir.Shapes,
	Doc:    `x with the order of its elements reversed along some dims.`,
	Example: `
x: i32[2, 2] = [[1, 2], [3, 4]]
flip(x, 1): i32[2, 2] = [[2, 1], [4, 3]]`,
	Aliases: "fliplr flipud reverse",
	Params:  []ir.Param{kit.ParamX, {Name: "dims", Kind: ir.KDims, Doc: "the dims to reverse along"}},
	Class:   ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		_, err := kit.NormDims(n, "dims", x.Shape)
		return x, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("flip", g, n.Ints("dims"))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		strides, start := n.Type.Shape.Strides(), 0
		for _, d := range n.Ints("dims") {
			start += (n.Type.Shape[d] - 1) * strides[d]
			strides[d] = -strides[d]
		}
		return kit.Pick(n.Type, in[0], kit.Offsets(n.Type.Shape, strides, start))
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		return []any{s.Tensor(shape), s.Dims(shape, 1)}
	},
})

func flip(b *ir.Builder, x *ir.Node, dim int) *ir.Node { return b.Op("flip", x, dim) }
