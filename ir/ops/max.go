package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Max is the op max.
var Max = ir.Register(&ir.Op{
	Name:   "max",
	Family: ir.Reductions,
	Doc: `The largest of the elements along some dims, or of all.

It is NaN if one of them is, and an error if there are none. Along one dim the
gradient goes to the first of equal elements; along several they share it. Unlike
PyTorch's, it gives no indices: argmax does. maximum takes the larger of two tensors'
elements.`,
	Example: `
x: i32[2, 2] = [[1, 5], [4, 2]]
max(x, dim=1): i32[2] = [5, 4]`,
	Torch:   "torch.amax",
	Aliases: "amax reduce_max",
	Params:  kit.ParamsReduce,
	Class:   ir.Reduce,
	Infer:   inferExtreme,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{gradExtreme(b, n, g, "argmax")}
	},
	Reference: kit.EachRow(slices.Max[[]float64], slices.Max[[]int64]),
	Sample:    kit.SampleReduction(true),
})

// inferExtreme is the type rule of the largest and the smallest value.
func inferExtreme(n *ir.Node) (ir.Type, error) {
	if err := kit.RefuseBool(n, 0); err != nil {
		return ir.Type{}, err
	}
	shape, err := kit.ReduceShape(n)
	if err == nil {
		err = refuseNothing(n)
	}
	return ir.Type{DType: n.Inputs[0].Type.DType, Shape: shape}, err
}

// refuseNothing refuses to look for an element where there is none.
func refuseNothing(n *ir.Node) error {
	if kit.ReducedCount(n) == 0 {
		return ir.Argf("x", "%s of nothing: %s", n.Op.Name, kit.Named(n, 0))
	}
	return nil
}

// gradExtreme sends the gradient to the element that was taken, which arg finds
// along a single dim; over several dims, equals share it.
func gradExtreme(b *ir.Builder, n, g *ir.Node, arg string) *ir.Node {
	x, dims := n.Inputs[0], n.Ints("dim")
	g = kit.Unreduced(b, n, g)
	if len(dims) == 1 {
		index := b.Op(arg, x, dims[0], true)
		return b.Op("scatter_add", b.Fill(x.Type, 0), dims[0], index, g)
	}
	taken := b.Eq(x, kit.Unreduced(b, n, n))
	count := b.Cast(b.Sum(taken, dims), x.Type.DType)
	return b.Where(taken, b.Div(g, count), 0.0)
}
