package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Logaddexp = ir.Register(&ir.Op{
	Name:   "logaddexp",
	Family: ir.Functions,
	Doc: `log(exp(a) + exp(b)), element by element, without overflow.

a and b are broadcast against each other. It adds probabilities whose logarithms are a and b.`,
	Example: `
a: f32[3] = [0, 1000, -1000]
logaddexp(a, 0): f32[3] = [0.6931472, 1000, 0]`,
	Params:  kit.ParamsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.Meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		// Two equal infinities have no difference. They share the gradient.
		same := b.And(b.Eq(x, y), b.Op("isinf", x))
		d := b.Where(same, 0.0, b.Sub(x, y))
		part := func(d *ir.Node) *ir.Node { return b.Mul(g, b.Sigmoid(d)) }
		return []*ir.Node{b.SumTo(part(d), x), b.SumTo(part(b.Neg(d)), y)}
	},
	Reference: kit.EachPair(logAddExp, nil),
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x, y := b.Wide(n.Inputs[0]), b.Wide(n.Inputs[1])
		below := b.Where(b.Eq(x, y), 0.0, b.Neg(b.Op("abs", b.Sub(x, y)))) // also of two infinities
		return b.Cast(b.Add(b.Op("maximum", x, y), b.Op("log1p", b.Exp(below))), n.Type.DType)
	},
})

// logAddExp is log(e^a + e^b).
func logAddExp(a, b float64) float64 {
	if a == b { // also of two infinities
		return a + math.Ln2
	}
	return max(a, b) + math.Log1p(math.Exp(-math.Abs(a-b)))
}
