package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Min is the op min.
var Min = ir.Register(&ir.Op{
	Name: "min",
	Doc: `min(x, dim=nil, keepdim=false): the smallest value along some dims, or of all; NaN if one is.

There is no smallest of nothing. Along one dim the gradient goes to the first of
equals; along several they share it.

Example: min([[1, 5], [4, 2]], dim=1) = [1, 2]`,
	Params: kit.ParamsReduce,
	Class:  ir.Reduce,
	Infer:  inferExtreme,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{gradExtreme(b, n, g, "argmin")}
	},
	Reference: kit.EachRow(slices.Min[[]float64], slices.Min[[]int64]),
})
