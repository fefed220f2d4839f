package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Gather = ir.Register(&ir.Op{
	Name:   "gather",
	Family: ir.Indexing,
	Doc: `The elements of x at an index along a dim.

For dim 1, out[i, j] = x[i, index[i, j]]. index has as many dims as x, and its shape is
the result's; in all dims but dim it is at most as large as x. An index out of range
gives NaN; 0 for integers and false for bools.`,
	Example: `
x: i32[2, 3] = [[1, 2, 3], [4, 5, 6]]
index: i32[2, 1] = [[2], [0]]
gather(x, 1, index): i32[2, 1] = [[3], [4]]`,
	Aliases: "take",
	Params: []ir.Param{
		kit.ParamX,
		kit.Integer("dim", "the dim that is indexed"),
		kit.Index("index", "u8, i32 or i64"),
	},
	Indices: &ir.Indices{Param: "index", Called: "indices", Size: func(n *ir.Node) int { return n.Inputs[0].Type.Shape[n.Int("dim")] }},
	Class:   ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseIndex(n, 1); err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: n.Inputs[1].Type.Shape}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, index := n.Inputs[0], n.Inputs[1]
		return []*ir.Node{b.Op("scatter_add", b.Fill(x.Type, 0), n.Int("dim"), index, g), nil}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := kit.Filled(n.Type, kit.Nothing(n.Type.DType))
		for i, at := range kit.Indexed(in[0].Type.Shape, n.Int("dim"), in[1]) {
			if at >= 0 {
				kit.Copy(out, i, in[0], at)
			}
		}
		return out
	},
	Sample: func(s ir.Sampler) []any {
		shape, dim, written, index := kit.SampleIndexed(s)
		return []any{s.Tensor(shape), written, s.Indices(shape[dim], index)}
	},
})
