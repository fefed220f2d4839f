package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Std is the op std.
var Std = ir.Register(&ir.Op{
	Name: "std",
	Doc: `std(x, dim=nil, keepdim=false): the population's standard deviation over some dims, or over all.

x is floating; what deviates is divided by the number of elements, as in NumPy.
Of nothing it is NaN.

Example: std([1.0, 3.0, 5.0, 7.0]) = 2.23606798`,
	Params: kit.ParamsReduce,
	Class:  ir.Reduce,
	Infer:  inferSpread,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// At 0 the root has no slope; PyTorch takes 0.
		even := b.Eq(n, 0.0)
		half := b.Where(even, 0.0, b.Div(g, b.Mul(b.Where(even, 1.0, n), 2.0)))
		return []*ir.Node{gradDeviation(b, n, half)}
	},
	Reference: kit.EachRow(func(v []float64) float64 { return math.Sqrt(variance(v)) }, nil),
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Cast(b.Op("sqrt", varianceNodes(b, n)), n.Type.DType)
	},
})
