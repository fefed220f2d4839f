package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var ScatterAdd = ir.Register(&ir.Op{
	Name:   "scatter_add",
	Family: ir.Indexing,
	Doc: `x with the elements of src added at an index along a dim.

For dim 1, x[i, index[i, j]] += src[i, j]. index and src have one shape, with as many
dims as x; in all dims but dim it is at most as large as x. x and src have one dtype.
What an index out of range would add is dropped.`,
	Example: `
x: i32[1, 3] = [[1, 2, 3]]
index: i32[1, 3] = [[2, 0, 2]]
src: i32[1, 3] = [[10, 20, 30]]
scatter_add(x, 1, index, src): i32[1, 3] = [[21, 2, 43]]`,
	Aliases: "scatter index_put scatter_",
	Params: []ir.Param{
		kit.Tensor("x", "the tensor to add to"),
		kit.Integer("dim", "the dim that is indexed"),
		kit.Index("index", "u8, i32 or i64"),
		kit.Tensor("src", "the values to add"),
	},
	Indices: &ir.Indices{Param: "index", Called: "indices", Size: func(n *ir.Node) int { return n.Inputs[0].Type.Shape[n.Int("dim")] }},
	Class:   ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := refuseAddends(n, "src"); err != nil {
			return ir.Type{}, err
		}
		if err := kit.RefuseIndex(n, 1); err != nil {
			return ir.Type{}, err
		}
		if !n.Inputs[1].Type.Shape.Equal(n.Inputs[2].Type.Shape) {
			return ir.Type{}, ir.Argf("src", "index and src must have the same shape; %s, %s", kit.Named(n, 1), kit.Named(n, 2))
		}
		return n.Inputs[0].Type, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{g, nil, gatherOrZero(b, g, n.Int("dim"), n.Inputs[1])}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return kit.AddAt(in[0], in[2], kit.Indexed(in[0].Type.Shape, n.Int("dim"), in[1]))
	},
	Slack: slackOfAddition,
	Sample: func(s ir.Sampler) []any {
		shape, dim, written, index := kit.SampleIndexed(s)
		return []any{s.Tensor(shape), written, s.Indices(shape[dim], index), s.Tensor(index)}
	},
})

// refuseAddends checks the dtypes of both terms.
func refuseAddends(n *ir.Node, param string) error {
	if err := kit.RefuseNonNumber(n, 0); err != nil {
		return err
	}
	if n.Inputs[0].Type.DType != n.Inputs[2].Type.DType {
		return kit.Refuse(param, "cast one of them", "x and %s must have the same dtype; %s, %s", param, kit.Named(n, 0), kit.Named(n, 2))
	}
	return nil
}

// gatherOrZero is gather with 0 for an index out of range: elements that are
// dropped have no gradient.
func gatherOrZero(b *ir.Builder, x *ir.Node, dim int, index *ir.Node) *ir.Node {
	inside := b.And(b.Ge(index, 0), b.Lt(index, x.Type.Shape[dim]))
	return b.Where(inside, b.Op("gather", x, dim, index), 0.0)
}

// slackOfAddition is one addition in f32 for each element that meets there: all of
// them at worst, each of at most the sum's magnitude.
func slackOfAddition(c ir.Computed) ir.Slack {
	size, n := kit.Magnitudes(c), float64(c.In[2].Len())
	return func(i int) float64 { return c.Unit * n * size[i] }
}
