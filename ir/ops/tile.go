package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Tile = ir.Register(&ir.Op{
	Name:   "tile",
	Family: ir.Shapes,
	Doc: `x laid side by side, so many times along each dim.

The numbers are those of the last dims; if there are more of them than dims, x gets dims
of size 1 in front.`,
	Example: `
x: i32[2] = [1, 2]
tile(x, [2, 2]): i32[2, 4] = [[1, 2, 1, 2], [1, 2, 1, 2]]`,
	Aliases: "repeat",
	Params: []ir.Param{
		kit.ParamX,
		{Name: "dims", Kind: ir.KDims, Doc: "how often x comes along each dim"},
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x, times := n.Inputs[0].Type, n.Ints("dims")
		for i, t := range times {
			if t < 0 {
				return x, kit.RefuseItem("dims", i, "", "x can't come %d times; dims is %v", t, ir.Shape(times))
			}
		}
		rank := max(len(x.Shape), len(times))
		times, shape := withOnes(times, rank), ir.Shape(withOnes(x.Shape, rank))
		for i := range shape {
			shape[i] = ir.MulSize(shape[i], times[i])
		}
		n.SetAttr("dims", times)
		return ir.Type{DType: x.DType, Shape: shape}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x := n.Inputs[0].Type.Shape
		own := withOnes(x, len(n.Type.Shape))
		for d, times := range n.Ints("dims") {
			if times != 1 {
				outer, inner := g.Type.Shape[:d].Numel(), g.Type.Shape[d+1:].Numel()
				shape := slices.Concat(g.Type.Shape[:d], own[d:d+1], g.Type.Shape[d+1:])
				g = b.Reshape(b.Sum(b.Reshape(g, ir.Shape{outer, times, own[d], inner}), []int{1}), shape)
			}
		}
		return []*ir.Node{b.Reshape(g, x)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		own := ir.Shape(withOnes(in[0].Type.Shape, len(n.Type.Shape)))
		return takeAt(n.Type, in[0], own, func(d, i int) int { return i % own[d] })
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		y := n.Inputs[0]
		shape := ir.Shape(withOnes(y.Type.Shape, len(n.Type.Shape)))
		for d, times := range n.Ints("dims") {
			if times != 1 {
				outer, inner := shape[:d].Numel(), shape[d+1:].Numel()
				y = b.BroadcastTo(b.Reshape(y, ir.Shape{outer, 1, shape[d], inner}), ir.Shape{outer, times, shape[d], inner})
				shape[d] *= times
			}
		}
		return b.Reshape(y, shape)
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.OfRank(s.Int(0, 3))
		times := make([]int, s.Int(0, 4))
		for i := range times {
			times[i] = s.Int(0, 3)
		}
		return []any{s.Tensor(shape), times}
	},
})

// withOnes puts ones before a list, up to a length.
func withOnes(list []int, length int) []int {
	return append(slices.Repeat([]int{1}, max(0, length-len(list))), list...)
}

// takeAt makes an array of elements of x, of a shape of as many dims: at(d, i) is where
// place i of dim d comes from.
func takeAt(t ir.Type, x *ir.Array, shape ir.Shape, at func(d, i int) int) *ir.Array {
	out, strides, own := ir.NewArray(t), t.Shape.Strides(), shape.Strides()
	for i := range out.Len() {
		from := 0
		for d := range shape {
			from += at(d, i/strides[d]%t.Shape[d]) * own[d]
		}
		kit.Copy(out, i, x, from)
	}
	return out
}
