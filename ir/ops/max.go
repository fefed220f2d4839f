package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Max = ir.Register(extreme(&ir.Op{
	Name: "max",
	Doc: `The largest of the elements along some dims, or of all.

It is NaN if one of them is, and an error if there are none. Along one dim the
gradient goes to the first of equal elements; along several they share it. Unlike
PyTorch's, it gives no indices: argmax does. maximum takes the larger of two tensors'
elements.`,
	Compute: ir.ComputeAsGiven,
	Example: `
x: i32[2, 2] = [[1, 5], [4, 2]]
max(x, dim=1): i32[2] = [5, 4]`,
	Torch:   "torch.amax",
	Aliases: "amax reduce_max",
}, "argmax", slices.Max[[]float64], slices.Max[[]int64]))

// extreme is a reduction to an element that the op arg finds.
func extreme(op *ir.Op, arg string, f func([]float64) float64, fi func([]int64) int64) *ir.Op {
	op.Infer, op.Reference, op.Sample = inferExtreme, kit.EachRow(f, fi), kit.SampleReduction(true)
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{gradExtreme(b, n, g, arg)} }
	return kit.Reduction(op)
}

// inferExtreme is the type rule of the largest and the smallest value.
func inferExtreme(n *ir.Node) (ir.Type, error) {
	if err := kit.RefuseNonNumber(n, 0); err != nil {
		return ir.Type{}, err
	}
	t, err := kit.ReducedTo(n, n.Inputs[0].Type.DType)
	if err == nil && kit.ReducedCount(n) == 0 {
		err = ir.Argf("x", "%s of an empty tensor: %s", n.Op.Name, kit.Named(n, 0))
	}
	return t, err
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
