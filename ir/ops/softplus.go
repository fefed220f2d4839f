package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Softplus = ir.Register(&ir.Op{
	Name:   "softplus",
	Family: ir.Activations,
	Doc: `log(1 + exp(beta * x)) / beta, element by element: a smooth relu.

Where beta * x is above the threshold, the result is x itself.`,
	Compute: ir.ComputeWide,
	Example: `
x: f32[3] = [0, 1, 30]
softplus(x): f32[3] = [0.6931472, 1.3132616, 30]`,
	Torch:   "torch.nn.functional.softplus",
	Aliases: "Softplus",
	Params: []ir.Param{
		kit.ParamX,
		kit.FloatOr("beta", 1, "how sharply it bends at 0"),
		kit.FloatOr("threshold", 20, "where the result becomes x"),
	},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    9, // exponential 3, log1p 2, sum, division 2.5; half a unit of the exponent
	Infer: func(n *ir.Node) (ir.Type, error) {
		if beta := n.Float("beta"); !(beta > 0) {
			return ir.Type{}, ir.Argf("beta", "beta must be positive, got %v", beta)
		}
		return n.Inputs[0].Type, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		scaled := n.Inputs[0]
		if beta := n.Float("beta"); beta != 1 {
			scaled = b.Mul(scaled, beta)
		}
		return []*ir.Node{b.Where(b.Gt(scaled, n.Float("threshold")), g, b.Mul(g, b.Sigmoid(scaled)))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		beta, threshold := n.Float("beta"), n.Float("threshold")
		return kit.EachFloat(func(v float64) float64 {
			if v*beta > threshold {
				return v
			}
			return math.Log1p(math.Exp(v*beta)) / beta
		})(n, in)
	},
	Slack:  kit.ReferenceSlack,
	Sample: kit.SampleUnary(2.0, 3.0),
})
