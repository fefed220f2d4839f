package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Sort = ir.Register(&ir.Op{
	Name:   "sort",
	Family: ir.Sorting,
	Doc: `The elements of x in ascending or descending order along a dim.

NaN counts as larger than all numbers. Unlike PyTorch's it gives no indices: argsort
does. The gradient goes to where an element came from; among equal ones to the first
for the first.`,
	Example: `
x: f32[2, 3] = [[3, 1, 2], [5, 6, 4]]
sort(x, descending=true): f32[2, 3] = [[3, 2, 1], [6, 5, 4]]`,
	Params: paramsSort,
	Class:  ir.Other,
	Infer:  kit.InferAlong,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		dim, index := n.Int("dim"), sortedBy(b, n)
		return []*ir.Node{putAt(b, n.Inputs[0].Type, dim, index, anyOrder(b, index.Type.Shape, dim), g)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := kit.Rows(n.Type.Shape, []int{n.Int("dim")})
		order := make([]int, length)
		for start := 0; start < len(offs); start += length {
			row := offs[start : start+length]
			sortRow(order, in[0], row, n.Bool("descending"))
			for i, at := range row {
				kit.Copy(out, at, in[0], row[order[i]])
			}
		}
		return out
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Op("gather", n.Inputs[0], n.Int("dim"), sortedBy(b, n))
	},
	Sample: sampleSort,
})

// sortedBy is the argsort that goes with a sort.
func sortedBy(b *ir.Builder, n *ir.Node) *ir.Node {
	return b.Op("argsort", n.Inputs[0], n.Int("dim"), n.Bool("descending"))
}

// putAt has the elements of src at an index along a dim, and 0 elsewhere. Those that
// meet are added up.
func putAt(b *ir.Builder, t ir.Type, dim int, index, order, src *ir.Node) *ir.Node {
	return b.Op("scatter_ordered", b.Fill(t, 0), dim, index, order, src, "sum")
}
