package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Std = ir.Register(kit.Reduction(&ir.Op{
	Name: "std",
	Doc: `The standard deviation of the elements along some dims, or of all.

The squares are divided by the number of elements, as in NumPy; PyTorch divides
by one less by default. Without elements it is NaN.`,
	Example: `
x: f32[4] = [1, 3, 5, 7]
std(x): f32[] = 2.236068`,
	Torch: "torch.std with correction=0",
	Infer: inferSpread,
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
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1) // with rows of several elements, which differ
		dims := s.Dims(shape, 1)
		for _, d := range dims {
			shape[d] = max(shape[d], 2)
		}
		return []any{s.Rows(shape), dims, s.Int(0, 1) == 1}
	},
}))
