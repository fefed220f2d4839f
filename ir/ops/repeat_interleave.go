package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var RepeatInterleave = ir.Register(&ir.Op{
	Name:   "repeat_interleave",
	Family: ir.Shapes,
	Doc: `Each element of x several times in a row, along a dim.

Without dim, x is flat, and so is the result. PyTorch's repeats may be a tensor, which
would make the shape depend on values.`,
	Example: `
x: i32[3] = [1, 2, 3]
repeat_interleave(x, 2): i32[6] = [1, 1, 2, 2, 3, 3]`,
	Params: []ir.Param{
		kit.ParamX,
		kit.Integer("repeats", "how often each element comes"),
		{Name: "dim", Kind: ir.KInt, Optional: true, Doc: "the dim to repeat along; by default x is flat"},
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x, repeats := n.Inputs[0].Type, n.Int("repeats")
		if repeats < 0 {
			return x, kit.Refuse("repeats", "", "repeats can't be negative, got %d", repeats)
		}
		shape := ir.Shape{x.Shape.Numel()}
		d := 0
		if n.Attr("dim") != nil {
			var err error
			if d, err = kit.NormDim(n, x.Shape); err != nil {
				return x, err
			}
			shape = slices.Clone(x.Shape)
		}
		shape[d] = ir.MulSize(shape[d], repeats)
		return ir.Type{DType: x.DType, Shape: shape}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		parts := repeatedParts(n)
		parts[2] = n.Int("repeats")
		return []*ir.Node{b.Reshape(b.Sum(b.Reshape(g, parts), []int{2}), n.Inputs[0].Type.Shape)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		own, dim := in[0].Type.Shape, 0
		if d, ok := n.Attr("dim").(int); ok {
			dim = d
		} else {
			own = ir.Shape{own.Numel()}
		}
		return takeAt(n.Type, in[0], own, func(d, i int) int {
			if d == dim {
				return i / n.Int("repeats")
			}
			return i
		})
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		parts := repeatedParts(n)
		each := b.Reshape(n.Inputs[0], parts)
		parts = slices.Clone(parts)
		parts[2] = n.Int("repeats")
		return b.Reshape(b.BroadcastTo(each, parts), n.Type.Shape)
	},
	Sample: func(s ir.Sampler) []any {
		if s.Int(0, 2) == 0 {
			return []any{s.Tensor(s.Shape(0)), s.Int(0, 3)}
		}
		shape := s.Shape(1)
		_, written := s.Dim(shape)
		return []any{s.Tensor(shape), s.Int(0, 3), written}
	},
})

// repeatedParts is the operand's shape as [outer, size, 1, inner], around its repeated dim.
func repeatedParts(n *ir.Node) ir.Shape {
	x := n.Inputs[0].Type.Shape
	if d, ok := n.Attr("dim").(int); ok {
		return ir.Shape{x[:d].Numel(), x[d], 1, x[d+1:].Numel()}
	}
	return ir.Shape{1, x.Numel(), 1, 1}
}
