package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// GeluTanh is the op gelu_tanh.
var GeluTanh = ir.Register(&ir.Op{
	Name: "gelu_tanh",
	Doc: `gelu_tanh(x): gelu by way of tanh, element by element.

That is x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x**3))), which differs from gelu
by up to 0.0005. Integers and bools count as f32.

Example: gelu_tanh([0.0, 1.0]) = [0.0, 0.84119199]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// Beyond geluFlat the slope is that of the ends, 0 or 1, in every dtype; the
		// formula would come to 0 · inf there.
		x := apply(b, "clamp", n.Inputs[0], -geluFlat, geluFlat)
		xx := square(b, x)
		inner := mul(b, mul(b, x, geluScale), add(b, mul(b, xx, geluCubic), 1.0))
		t := tanh(b, inner)
		slope := mul(b, add(b, mul(b, xx, 3*geluCubic), 1.0), geluScale)
		left := add(b, t, 1.0)
		right := mul(b, x, mul(b, sub(b, 1.0, square(b, t)), slope))
		return nodes{mul(b, g, mul(b, add(b, left, right), 0.5))}
	},
	Reference: eachFloat(func(v float64) float64 {
		return 0.5 * v * (1 + math.Tanh(geluScale*(v+geluCubic*v*v*v)))
	}),
})

const (
	geluScale = 0.7978845608028654 // sqrt(2/pi)
	geluCubic = 0.044715
	geluFlat  = 10.0 // 1 - tanh² of what it is mapped to is below 1e-37
)
