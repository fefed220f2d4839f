package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var IndexAdd = ir.Register(&ir.Op{
	Name:   "index_add",
	Family: ir.Indexing,
	Doc: `x with slices of source added at an index along a dim.

For dim 0, x[index[i]] += source[i]. index is one-dimensional; source has the shape of
x but for dim, where it is as long as index. x and source have one dtype. What an
index out of range would add is dropped.`,
	Example: `
x: i32[2, 2] = [[1, 1], [1, 1]]
index: i32[2] = [1, 1]
source: i32[2, 2] = [[1, 2], [3, 4]]
index_add(x, 0, index, source): i32[2, 2] = [[1, 1], [5, 7]]`,
	Params: []ir.Param{
		kit.Tensor("x", "the tensor to add to"),
		kit.Integer("dim", "the dim that is indexed"),
		kit.Index("index", "u8, i32 or i64, one-dimensional"),
		kit.Tensor("source", "the values to add"),
	},
	Indices: &ir.Indices{Param: "index", Called: "indices", Size: func(n *ir.Node) int { return n.Inputs[0].Type.Shape[n.Int("dim")] }},
	Class:   ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := refuseAddends(n, "source"); err != nil {
			return ir.Type{}, err
		}
		if err := kit.RefuseIndexDType(n, 1); err != nil {
			return ir.Type{}, err
		}
		x, index := n.Inputs[0].Type, n.Inputs[1].Type
		dim, err := kit.NormDim(n, x.Shape)
		if err != nil {
			return ir.Type{}, err
		}
		if len(index.Shape) != 1 {
			return ir.Type{}, ir.Argf("index", "index must be one-dimensional; %s", kit.Named(n, 1))
		}
		want := append(ir.Shape{}, x.Shape...)
		want[dim] = index.Shape[0]
		if !n.Inputs[2].Type.Shape.Equal(want) {
			return ir.Type{}, ir.Argf("source", "source must be %s, which is x with one slice for each index along dim %d; %s, %s, %s",
				want, dim, kit.Named(n, 0), kit.Named(n, 1), kit.Named(n, 2))
		}
		return x, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		index := alongDim(b, n.Inputs[1], n.Int("dim"), n.Inputs[2].Type.Shape)
		return []*ir.Node{g, nil, gatherOrZero(b, g, n.Int("dim"), index)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		dim, shape := n.Int("dim"), in[2].Type.Shape
		strides := make([]int, len(shape))
		strides[dim] = 1
		index := kit.Pick(ir.Type{DType: in[1].Type.DType, Shape: shape}, in[1], kit.Offsets(shape, strides, 0))
		return kit.AddAt(in[0], in[2], kit.Indexed(in[0].Type.Shape, dim, index))
	},
	Slack: slackOfAddition,
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dim, written := s.Dim(shape)
		from := slices.Clone(shape)
		from[dim] = s.Count(shape, dim)
		return []any{s.Tensor(shape), written, s.Indices(shape[dim], from[dim:dim+1]), s.Tensor(from)}
	},
})

// alongDim lays a one-dimensional index along a dim and repeats it over the
// others.
func alongDim(b *ir.Builder, index *ir.Node, dim int, shape ir.Shape) *ir.Node {
	column := make(ir.Shape, len(shape))
	for i := range column {
		column[i] = 1
	}
	column[dim] = shape[dim]
	return b.BroadcastTo(b.Reshape(index, column), shape)
}
