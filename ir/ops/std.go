package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Std = ir.Register(kit.Reduction(&ir.Op{
	Name: "std",
	Doc: `The standard deviation of the elements along some dims, or of all.

The squares are divided by the number of elements less correction, which is 0 by default,
as in NumPy; PyTorch's default is 1. Where nothing is left to divide by, it is NaN, or
infinite.`,
	Example: `
x: f32[4] = [1, 3, 5, 7]
std(x): f32[] = 2.236068`,
	Torch:  "torch.std with correction=0 by default",
	Params: paramsSpread,
	Infer:  inferSpread,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// At 0 the root has no slope; PyTorch takes 0.
		even := b.Eq(n, 0.0)
		half := b.Where(even, 0.0, b.Div(g, b.Mul(b.Where(even, 1.0, n), 2.0)))
		return []*ir.Node{gradDeviation(b, n, half)}
	},
	Reference: spreadOfRows(math.Sqrt),
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Cast(b.Op("sqrt", varianceNodes(b, n)), n.Type.DType)
	},
	Sample: sampleSpread(2), // rows of several elements, which differ
}))
