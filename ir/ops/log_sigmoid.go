package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var LogSigmoid = ir.Register(kit.Activation(&ir.Op{
	Name:   "log_sigmoid",
	Family: ir.Activations,
	Doc: `log(sigmoid(x)), element by element, without overflow.

It is -softplus(-x), in full precision for large x too.`,
	Example: `
x: f32[3] = [0, 1, -1000]
log_sigmoid(x): f32[3] = [-0.6931472, -0.3132617, -1000]`,
	Torch:   "torch.nn.functional.logsigmoid",
	Aliases: "logsigmoid LogSigmoid",
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Sigmoid(b.Neg(n.Inputs[0])))}
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x := b.Wide(n.Inputs[0])
		below := b.Op("log1p", b.Exp(b.Neg(b.Op("abs", x))))
		return b.Cast(b.Sub(b.Op("minimum", x, 0.0), below), n.Type.DType)
	},
}, func(v float64) float64 { return min(v, 0) - math.Log1p(math.Exp(-math.Abs(v))) }))
