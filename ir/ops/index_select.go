package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var IndexSelect = ir.Register(&ir.Op{
	Name:   "index_select",
	Family: ir.Indexing,
	Doc: `The slices of x at an index along a dim.

For dim 0, out[i] = x[index[i]]. index is one-dimensional. An index out of range gives NaN; 0
for integers and false for bools.`,
	Example: `
x: i32[3, 2] = [[1, 2], [3, 4], [5, 6]]
index: i32[2] = [2, 0]
index_select(x, 0, index): i32[2, 2] = [[5, 6], [1, 2]]`,
	Params: []ir.Param{
		kit.ParamX,
		kit.Integer("dim", "the dim that is indexed"),
		kit.Index("index", "u8, i32 or i64, one-dimensional"),
	},
	Indices: &ir.Indices{Param: "index", Called: "indices", Size: func(n *ir.Node) int { return n.Inputs[0].Type.Shape[n.Int("dim")] }},
	Class:   ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if _, err := refuseSliceIndex(n); err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: slicesShape(n)}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("index_add", b.Fill(n.Inputs[0].Type, 0), n.Int("dim"), n.Inputs[1], g), nil}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, dim := kit.Filled(n.Type, kit.Nothing(n.Type.DType)), n.Int("dim")
		strides := make([]int, len(n.Type.Shape))
		strides[dim] = 1
		full := kit.Pick(ir.Type{DType: in[1].Type.DType, Shape: n.Type.Shape}, in[1], kit.Offsets(n.Type.Shape, strides, 0))
		for i, at := range kit.Indexed(in[0].Type.Shape, dim, full) {
			if at >= 0 {
				kit.Copy(out, i, in[0], at)
			}
		}
		return out
	},
	// Slices along the first dim are rows of a table.
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x, dim := n.Inputs[0], n.Int("dim")
		order := slices.Concat([]int{dim}, complement(len(x.Type.Shape), []int{dim}))
		x = permute(b, x, order)
		rows := b.Reshape(x, ir.Shape{x.Type.Shape[0], x.Type.Shape[1:].Numel()})
		shape := slices.Concat(n.Inputs[1].Type.Shape, x.Type.Shape[1:])
		return permute(b, b.Reshape(b.Op("embedding", n.Inputs[1], rows), shape), inverse(order))
	},
	Sample: func(s ir.Sampler) []any { return sampleSlices(s)[:3] },
})
