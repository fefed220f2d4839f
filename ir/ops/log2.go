package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Log2 = ir.Register(kit.Function(&ir.Op{
	Name:   "log2",
	Family: ir.Functions,
	Doc: `The logarithm of x to base 2, element by element.

It is -inf at 0, and NaN for negative x.`,
	Example: `
x: f32[2] = [1, 8]
log2(x): f32[2] = [0, 3]`,
	ULPs: 3,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Div(g, b.Mul(n.Inputs[0], math.Ln2))}
	},
	Smooth: [2]float64{0.2, 4},
}, log2))

// log2 is exact for powers of two, and near 1, where math.Log2 adds the logarithm of
// a half and 1, loses no digits.
func log2(x float64) float64 {
	if x > 0.7 && x < 1.4 {
		return math.Log(x) * math.Log2E
	}
	return math.Log2(x)
}
