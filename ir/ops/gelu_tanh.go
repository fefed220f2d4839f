package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// GeluTanh is the op gelu_tanh.
var GeluTanh = ir.Register(&ir.Op{
	Name: "gelu_tanh",
	Doc: `gelu_tanh(x): gelu by way of tanh, element by element.

That is x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x**3))), which differs from gelu
by up to 0.0005. Integers and bools count as f32.

Example: gelu_tanh([0.0, 1.0]) = [0.0, 0.84119199]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// Beyond geluFlat the slope is that of the ends, 0 or 1, in every dtype; the
		// formula would come to 0 · inf there.
		x := b.Op("clamp", n.Inputs[0], -geluFlat, geluFlat)
		xx := b.Square(x)
		inner := b.Mul(b.Mul(x, geluScale), b.Add(b.Mul(xx, geluCubic), 1.0))
		t := b.Tanh(inner)
		slope := b.Mul(b.Add(b.Mul(xx, 3*geluCubic), 1.0), geluScale)
		left := b.Add(t, 1.0)
		right := b.Mul(x, b.Mul(b.Sub(1.0, b.Square(t)), slope))
		return []*ir.Node{b.Mul(g, b.Mul(b.Add(left, right), 0.5))}
	},
	Reference: kit.EachFloat(func(v float64) float64 {
		return 0.5 * v * (1 + math.Tanh(geluScale*(v+geluCubic*v*v*v)))
	}),
})

const (
	geluScale = 0.7978845608028654 // sqrt(2/pi)
	geluCubic = 0.044715
	geluFlat  = 10.0 // 1 - tanh² of what it is mapped to is below 1e-37
)
