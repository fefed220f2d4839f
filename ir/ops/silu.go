package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Silu = ir.Register(kit.Activation(&ir.Op{
	Name:   "silu",
	Family: ir.Activations,
	Doc:    `x * sigmoid(x), element by element. It is also called swish.`,
	Example: `
x: f32[2] = [0, 1]
silu(x): f32[2] = [0, 0.7310586]`,
	Torch:   "torch.nn.functional.silu",
	Aliases: "swish Swish SiLU",
	ULPs:    7, // exponential 3, addition 0.5, division 2.5, and a product
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		s := b.Sigmoid(n.Inputs[0])
		return []*ir.Node{b.Mul(g, b.Add(s, b.Mul(n, b.Sub(1.0, s))))}
	},
	Slack: func(c ir.Computed) ir.Slack {
		if !c.FromSource {
			return kit.ReferenceSlack(c)
		}
		// An exponential that is denormal is off by half of the least number, times x.
		return func(i int) float64 { return 4*kit.U64 + math.Abs(c.In[0].F[i])*c.Tiny }
	},
}, func(v float64) float64 { return v * logistic(v) }))
