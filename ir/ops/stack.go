package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Stack = ir.Register(&ir.Op{
	Name:   "stack",
	Family: ir.Shapes,
	Doc: `Tensors of one shape joined along a new dim.

dim is its position in the result. The dtypes meet in one.`,
	Example: `
x: i32[2] = [1, 2]
y: i32[2] = [3, 4]
stack([x, y], 1): i32[2, 2] = [[1, 3], [2, 4]]`,
	Params: []ir.Param{
		{Name: "tensors", Kind: ir.KTensors, Doc: "at least one tensor"},
		kit.IntegerOr("dim", 0, "the position of the new dim in the result"),
	},
	Class:   ir.Move,
	Promote: ir.PromoteAll,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if len(n.Inputs) == 0 {
			return ir.Type{}, ir.Argf("tensors", "stack joins at least one tensor; the list is empty")
		}
		first := n.Inputs[0].Type
		for i, in := range n.Inputs {
			if !in.Type.Shape.Equal(first.Shape) {
				return ir.Type{}, kit.RefuseItem("tensors", i, "concat joins along a dim that is there", "stack requires tensors of the same shape; %s, %s", kit.Named(n, 0), kit.Named(n, i))
			}
		}
		dim, err := newDim(n, first.Shape)
		return ir.Type{DType: first.DType, Shape: slices.Insert(slices.Clone(first.Shape), dim, len(n.Inputs))}, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		parts := make([]*ir.Node, len(n.Inputs))
		for i, in := range n.Inputs {
			parts[i] = b.Reshape(slice(b, g, n.Int("dim"), i, i+1), in.Type.Shape)
		}
		return parts
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		parts := make([]*ir.Array, len(in))
		for i, x := range in {
			t := ir.Type{DType: x.Type.DType, Shape: slices.Clone(n.Type.Shape)}
			t.Shape[n.Int("dim")] = 1
			parts[i] = &ir.Array{Type: t, F: x.F, I: x.I}
		}
		return join(n.Type, n.Int("dim"), parts)
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		shape := slices.Clone(n.Type.Shape)
		shape[n.Int("dim")] = 1
		parts := make([]any, len(n.Inputs))
		for i, in := range n.Inputs {
			parts[i] = b.Reshape(in, shape)
		}
		return b.Op("concat", parts, n.Int("dim"))
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.OfRank(s.Int(0, 4))
		tensors := []any{s.Tensor(shape)}
		for range s.Int(0, 3) {
			tensors = append(tensors, s.Tensor(shape))
		}
		_, written := s.Dim(append(ir.Shape{1}, shape...))
		return []any{tensors, written}
	},
})
