package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var TakeAlongDim = ir.Register(&ir.Op{
	Name:   "take_along_dim",
	Family: ir.Indexing,
	Doc: `The elements of x at indices along a dim, such as those that argmax and argsort give.

x and indices have as many dims, and are broadcast against each other in all but dim. It is
gather for an index that has to be repeated. An index out of range gives NaN; 0 for integers
and false for bools.`,
	Example: `
x: i32[2, 3] = [[1, 2, 3], [4, 5, 6]]
indices: i32[1, 2] = [[2, 0]]
take_along_dim(x, indices, 1): i32[2, 2] = [[3, 1], [6, 4]]`,
	Aliases: "take_along_axis",
	Params:  []ir.Param{kit.ParamX, kit.Index("indices", "u8, i32 or i64"), kit.Integer("dim", "the dim that is indexed")},
	Indices: &ir.Indices{Param: "indices", Called: "indices", Size: func(n *ir.Node) int { return n.Inputs[0].Type.Shape[n.Int("dim")] }},
	Class:   ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseIndexDType(n, 1); err != nil {
			return ir.Type{}, err
		}
		dim, err := kit.NormDim(n, n.Inputs[0].Type.Shape)
		if err != nil {
			return ir.Type{}, err
		}
		if len(n.Inputs[0].Type.Shape) != len(n.Inputs[1].Type.Shape) {
			return ir.Type{}, ir.Argf("indices", "indices must have as many dims as x; %s, %s", kit.Named(n, 0), kit.Named(n, 1))
		}
		_, index, ok := alongShapes(n, dim)
		if !ok {
			return ir.Type{}, kit.Refuse("indices", "all dims but dim must be equal, or 1 in one of them",
				"shapes don't broadcast along dim %d: %s, %s", dim, kit.Named(n, 0), kit.Named(n, 1))
		}
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: index}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		dim := n.Int("dim")
		x, index := broadcastAlong(b, n)
		return []*ir.Node{b.SumTo(b.Op("scatter_add", b.Fill(x.Type, 0), dim, index, g), n.Inputs[0]), nil}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, dim := kit.Filled(n.Type, kit.Nothing(n.Type.DType)), n.Int("dim")
		xShape, shape, _ := alongShapes(n, dim)
		x := kit.Pick(ir.Type{DType: n.Type.DType, Shape: xShape}, in[0], kit.BroadcastOffsets(in[0].Type.Shape, xShape))
		index := kit.Pick(ir.Type{DType: in[1].Type.DType, Shape: shape}, in[1], kit.BroadcastOffsets(in[1].Type.Shape, shape))
		for i, at := range kit.Indexed(xShape, dim, index) {
			if at >= 0 {
				kit.Copy(out, i, x, at)
			}
		}
		return out
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x, index := broadcastAlong(b, n)
		return b.Op("gather", x, n.Int("dim"), index)
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dim, written := s.Dim(shape)
		index := slices.Clone(shape)
		index[dim] = s.Count(shape, dim)
		from := slices.Clone(shape)
		for d := range shape {
			if d != dim && s.Int(0, 3) == 0 {
				[]ir.Shape{from, index}[s.Int(0, 1)][d] = 1
			}
		}
		return []any{s.Tensor(from), s.Indices(shape[dim], index), written}
	},
})

// alongShapes are the shapes of x and of the indices, broadcast against each other in all
// dims but one.
func alongShapes(n *ir.Node, dim int) (x, index ir.Shape, ok bool) {
	x, index = slices.Clone(n.Inputs[0].Type.Shape), slices.Clone(n.Inputs[1].Type.Shape)
	size, count := x[dim], index[dim]
	x[dim], index[dim] = 1, 1
	shape, ok := ir.Broadcast(x, index)
	if !ok {
		return nil, nil, false
	}
	x, index = slices.Clone(shape), slices.Clone(shape)
	x[dim], index[dim] = size, count
	return x, index, true
}

func broadcastAlong(b *ir.Builder, n *ir.Node) (x, index *ir.Node) {
	xShape, shape, _ := alongShapes(n, n.Int("dim"))
	return b.BroadcastTo(n.Inputs[0], xShape), b.BroadcastTo(n.Inputs[1], shape)
}
