package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Max is the op max.
var Max = ir.Register(&ir.Op{
	Name: "max",
	Doc: `max(x, dim=nil, keepdim=false): the largest value along some dims, or of all; NaN if one is.

There is no largest of nothing. Along one dim the gradient goes to the first of
equals; along several they share it.

Example: max([[1, 5], [4, 2]], dim=1) = [5, 4]`,
	Params: paramsReduce,
	Class:  ir.Reduce,
	Infer:  inferExtreme,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{gradExtreme(b, n, g, "argmax")}
	},
	Reference: eachRow(slices.Max[[]float64], slices.Max[[]int64]),
})

// inferExtreme is the type rule of the largest and the smallest value.
func inferExtreme(n *ir.Node) (ir.Type, error) {
	if err := refuseBool(n, 0); err != nil {
		return ir.Type{}, err
	}
	shape, err := reduceShape(n)
	if err == nil {
		err = refuseNothing(n)
	}
	return ir.Type{DType: n.Inputs[0].Type.DType, Shape: shape}, err
}

// refuseNothing refuses to look for an element where there is none.
func refuseNothing(n *ir.Node) error {
	if reducedCount(n) == 0 {
		return ir.Argf("x", "%s of nothing: %s", n.Op.Name, named(n, 0))
	}
	return nil
}

// gradExtreme sends the gradient to the element that was taken, which arg finds
// along a single dim; over several dims, equals share it.
func gradExtreme(b *ir.Builder, n, g *ir.Node, arg string) *ir.Node {
	x, dims := n.Inputs[0], n.Ints("dim")
	g = unreduced(b, n, g)
	if len(dims) == 1 {
		index := apply(b, arg, x, dims[0], true)
		return apply(b, "scatter_add", Fill(b, x.Type, 0), dims[0], index, g)
	}
	taken := eq(b, x, unreduced(b, n, n))
	count := b.Cast(sum(b, taken, dims), x.Type.DType)
	return where(b, taken, div(b, g, count), 0.0)
}
