package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Gelu = ir.Register(kit.Activation(&ir.Op{
	Name:   "gelu",
	Family: ir.Activations,
	Doc: `x times the probability that a standard normal number is below x.

That is x / 2 * (1 + erf(x / sqrt(2))).`,
	Example: `
x: f32[2] = [0, 1]
gelu(x): f32[2] = [0, 0.8413448]`,
	Torch:   "torch.nn.functional.gelu",
	Aliases: "GELU Gelu",
	ULPs:    17, // erfc 16, two products, one of them by ½
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x := n.Inputs[0]
		// Far below 0, 1 + erf has no digits left, but the value has: it is x times that.
		far := b.Lt(x, -1.0)
		below := b.Mul(b.Add(b.Erf(b.Mul(x, math.Sqrt2/2)), 1.0), 0.5)
		below = b.Where(far, b.Div(n, b.Where(far, x, -1.0)), below)
		density := b.Mul(b.Exp(b.Mul(b.Square(x), -0.5)), 1/math.Sqrt(2*math.Pi))
		return []*ir.Node{b.Mul(g, b.Add(below, b.Mul(x, density)))}
	},
	Slack: func(c ir.Computed) ir.Slack {
		if !c.FromSource {
			return kit.ReferenceSlack(c)
		}
		// erfc(z) falls like exp(-z²), so an error of a unit in z = x/√2, of 1.5
		// roundings, counts 2z² times; and where it is denormal it is off by the least
		// number, times x.
		return func(i int) float64 {
			x := math.Abs(c.In[0].F[i])
			if math.IsInf(x, 0) {
				return 4 * kit.U64
			}
			return 4*kit.U64 + x*c.Tiny + 1.5*c.Unit*min(x*x, 200)*math.Abs(c.Want.F[i])
		}
	},
}, func(v float64) float64 { return v * normalBelow(v) }))

func normalBelow(v float64) float64 { return 0.5 * math.Erfc(-v/math.Sqrt2) }
