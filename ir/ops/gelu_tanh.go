package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var GeluTanh = ir.Register(kit.Activation(&ir.Op{
	Name:   "gelu_tanh",
	Family: ir.Activations,
	Doc: `gelu approximated by a tanh, as GPT-2 uses it.

That is x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))), which differs
from gelu by up to 0.0005.`,
	Example: `
x: f32[2] = [0, 1]
gelu_tanh(x): f32[2] = [0, 0.841192]`,
	Torch:   `torch.nn.functional.gelu with approximate="tanh"`,
	Aliases: "gelu_new NewGELU gelu_fast",
	ULPs:    7, // exponential 3, addition 0.5, division 2.5, and a product
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// Beyond geluFlat the slope is that of the ends, 0 or 1, in every dtype; the
		// formula would come to 0 · inf there.
		x := b.Op("clamp", n.Inputs[0], -geluFlat, geluFlat)
		xx := b.Square(x)
		inner := b.Mul(b.Mul(x, geluScale), b.Add(b.Mul(xx, geluCubic), 1.0))
		slope := b.Mul(b.Add(b.Mul(xx, 3*geluCubic), 1.0), geluScale)
		// (1 + tanh) / 2, which would have no digits left far below 0.
		half := b.Sigmoid(b.Mul(inner, 2.0))
		rise := b.Mul(b.Mul(half, b.Sub(1.0, half)), b.Mul(slope, 2.0))
		return []*ir.Node{b.Mul(g, b.Add(half, b.Mul(x, rise)))}
	},
	Slack: func(c ir.Computed) ir.Slack {
		if !c.FromSource {
			return kit.ReferenceSlack(c)
		}
		// An exponential that is denormal is off by half of the least number, times x.
		// An error of the exponent, of 4 roundings, counts by the exponent itself.
		return func(i int) float64 {
			x := math.Abs(c.In[0].F[i])
			exponent := 0.0
			if x < 15 {
				exponent = 1.6 * x * (1 + 0.045*x*x)
			}
			return 4*kit.U64 + x*c.Tiny + 4*c.Unit*exponent*math.Abs(c.Want.F[i])
		}
	},
}, geluTanh))

func geluTanh(v float64) float64 { return 0.5 * v * (1 + math.Tanh(geluScale*(v+geluCubic*v*v*v))) }

const (
	geluScale = 0.7978845608028654 // sqrt(2/pi)
	geluCubic = 0.044715
	geluFlat  = 24.0 // (1 + tanh) / 2 of what it is mapped to is 0 or 1 in every dtype
)
