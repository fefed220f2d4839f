package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Embedding = ir.Register(&ir.Op{
	Name:   "embedding",
	Family: ir.Indexing,
	Doc: `A row of weight for each id.

ids of shape [...] give [..., columns]; weight is [rows, columns]. An id out of range
gives a row of NaN; of 0 for integers and false for bools. The module Embedding
brings its own weight.`,
	Example: `
ids: i32[2] = [2, 0]
weight: i32[3, 2] = [[1, 2], [3, 4], [5, 6]]
embedding(ids, weight): i32[2, 2] = [[5, 6], [1, 2]]`,
	Torch:   "torch.nn.functional.embedding",
	Params:  []ir.Param{kit.Index("ids", "u8, i32 or i64"), kit.Tensor("weight", "the table: [rows, columns]")},
	Indices: &ir.Indices{Param: "ids", Called: "ids", Size: func(n *ir.Node) int { return n.Inputs[1].Type.Shape[0] }},
	Class:   ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseIndexDType(n, 0); err != nil {
			return ir.Type{}, err
		}
		ids, weight := n.Inputs[0].Type, n.Inputs[1].Type
		if len(weight.Shape) != 2 {
			return ir.Type{}, ir.Argf("weight", "weight must be [rows, columns]; %s", kit.Named(n, 1))
		}
		return ir.Type{DType: weight.DType, Shape: append(append(ir.Shape{}, ids.Shape...), weight.Shape[1])}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		ids, weight := n.Inputs[0], n.Inputs[1]
		count := ids.Type.Shape.Numel()
		rows := b.Reshape(g, ir.Shape{count, weight.Type.Shape[1]})
		index := b.Reshape(ids, ir.Shape{count})
		return []*ir.Node{nil, b.Op("index_add", b.Fill(weight.Type, 0), 0, index, rows)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := kit.Filled(n.Type, kit.Nothing(n.Type.DType))
		rows, cols := in[1].Type.Shape[0], in[1].Type.Shape[1]
		for i := range out.Len() {
			if id := in[0].I[i/cols]; id >= 0 && id < int64(rows) {
				kit.Copy(out, i, in[1], int(id)*cols+i%cols)
			}
		}
		return out
	},
	Sample: func(s ir.Sampler) []any {
		table := s.OfRank(2)
		return []any{s.Indices(table[0], s.OfRank(s.Int(0, 4))), s.Tensor(table)}
	},
})
