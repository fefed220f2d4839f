package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Sigmoid = ir.Register(kit.Function(&ir.Op{
	Name:   "sigmoid",
	Family: ir.Activations,
	Doc:    `1 / (1 + exp(-x)), element by element.`,
	Example: `
x: f32[2] = [0, 1]
sigmoid(x): f32[2] = [0.5, 0.7310586]`,
	Aliases: "sigm expit logistic σ Sigmoid",
	ULPs:    6, // exponential 3, addition 0.5, division 2.5
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Mul(n, b.Sub(1.0, n)))}
	},
	Slack: kit.ReferenceSlack,
}, logistic))

func logistic(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
