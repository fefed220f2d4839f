package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Softplus is the op softplus.
var Softplus = ir.Register(&ir.Op{
	Name: "softplus",
	Doc: `softplus(x, beta=1.0, threshold=20.0): log(1 + exp(beta * x)) / beta, element by element.

Where beta * x is above the threshold it is x itself. Integers and bools count as
f32.

Example: softplus([0.0, 1.0, 30.0]) = [0.69314718, 1.3132617, 30.0]`,
	Params: []ir.Param{
		kit.ParamX,
		kit.FloatOr("beta", 1, "how sharp the bend at 0 is"),
		kit.FloatOr("threshold", 20, "where it goes over into x"),
	},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
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
})
