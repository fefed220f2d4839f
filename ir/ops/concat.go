package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Concat = ir.Register(&ir.Op{
	Name:   "concat",
	Family: ir.Shapes,
	Doc: `Tensors joined along a dim that they have.

All other dims are equal, and the dtypes meet in one. stack joins along a new dim.`,
	Example: `
x: i32[1, 2] = [[1, 2]]
y: i32[2, 2] = [[3, 4], [5, 6]]
concat([x, y], 0): i32[3, 2] = [[1, 2], [3, 4], [5, 6]]`,
	Torch:   "torch.cat",
	Aliases: "cat concatenate Concatenate hstack vstack column_stack",
	Params: []ir.Param{
		{Name: "tensors", Kind: ir.KTensors, Doc: "at least one tensor"},
		kit.IntegerOr("dim", 0, "the dim to join along"),
	},
	Class:   ir.Move,
	Promote: ir.PromoteAll,
	Infer:   inferConcat,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		dim, at := n.Int("dim"), 0
		parts := make([]*ir.Node, len(n.Inputs))
		for i, in := range n.Inputs {
			size := in.Type.Shape[dim]
			parts[i] = slice(b, g, dim, at, at+size)
			at += size
		}
		return parts
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array { return join(n.Type, n.Int("dim"), in) },
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dim, written := s.Dim(shape)
		tensors := []any{s.Tensor(shape)}
		for range s.Int(0, 4) {
			next := slices.Clone(shape)
			next[dim] = s.Int(0, 7)
			tensors = append(tensors, s.Tensor(next))
		}
		return []any{tensors, written}
	},
})

func inferConcat(n *ir.Node) (ir.Type, error) {
	if len(n.Inputs) == 0 {
		return ir.Type{}, ir.Argf("tensors", "concat joins at least one tensor; the list is empty")
	}
	first := n.Inputs[0].Type
	if len(first.Shape) == 0 {
		return ir.Type{}, kit.Refuse("tensors", "use stack for scalars", "concat requires tensors with at least one dim; %s", kit.Named(n, 0))
	}
	dim, err := kit.NormDim(n, first.Shape)
	if err != nil {
		return ir.Type{}, err
	}
	shape := append(ir.Shape{}, first.Shape...)
	for i, in := range n.Inputs[1:] {
		s := in.Type.Shape
		if len(s) != len(shape) {
			return ir.Type{}, kit.RefuseItem("tensors", i+1, "", "concat requires tensors of the same rank; %s, %s", kit.Named(n, 0), kit.Named(n, i+1))
		}
		for d := range s {
			if d != dim && s[d] != shape[d] {
				return ir.Type{}, kit.RefuseItem("tensors", i+1, "", "concat along dim %d requires all other dims to match; dim %d differs: %s, %s",
					dim, d, kit.Named(n, 0), kit.Named(n, i+1))
			}
		}
		shape[dim] = ir.AddSize(shape[dim], s[dim])
	}
	return ir.Type{DType: first.DType, Shape: shape}, nil
}

// join lays arrays one after another along a dim.
func join(t ir.Type, dim int, parts []*ir.Array) *ir.Array {
	out := ir.NewArray(t)
	strides, start := t.Shape.Strides(), 0
	for _, x := range parts {
		kit.Put(out, x, kit.Offsets(x.Type.Shape, strides, start*strides[dim]))
		start += x.Type.Shape[dim]
	}
	return out
}
