package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Pow is the op pow.
var Pow = ir.Register(&ir.Op{
	Name: "pow",
	Doc: `pow(a, b): a to the power b, a ** b, element by element.

a and b are numbers, broadcast. x ** 0 is 1 for every x, NaN too; a negative
float to a power that is no integer is NaN. Integers wrap around; to a negative
power they are what is left of the quotient without its fraction: 1 and -1 stay
of size 1, all others become 0.

Example: pow([1.0, 2.0, 3.0], 2) = [1.0, 4.0, 9.0]`,
	Params:    paramsBinary,
	Class:     ir.Elementwise,
	Promote:   ir.PromoteAll,
	Infer:     meet,
	Grad:      gradPow,
	Reference: eachPair(math.Pow, intPow),
})

// gradPow is zero at exponent 0 for a, and at base 0 for b, as long as the power
// itself is finite there: the formulas would give 0 · inf.
func gradPow(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	x, y := n.Inputs[0], n.Inputs[1]
	if y.Op == ir.ConstOp && len(y.Type.Shape) == 0 {
		return nodes{gradPower(b, g, x, y.Attr("value").(*ir.Tensor).Float(0)), nil}
	}
	constant := eq(b, y, 0.0)
	dx := mul(b, y, pow(b, x, where(b, constant, 0.0, sub(b, y, 1.0))))
	flat := and(b, eq(b, x, 0.0), ge(b, y, 0.0))
	dy := mul(b, n, log(b, where(b, flat, 1.0, x)))
	return nodes{
		sumTo(b, mul(b, g, where(b, constant, 0.0, dx)), x),
		sumTo(b, mul(b, g, where(b, flat, 0.0, dy)), y),
	}
}

// gradPower is the gradient of x to a constant power.
func gradPower(b *ir.Builder, g, x *ir.Node, power float64) *ir.Node {
	switch power {
	case 0:
		return Fill(b, x.Type, 0)
	case 1:
		return g
	case 2:
		return mul(b, g, mul(b, x, 2.0))
	}
	return mul(b, g, mul(b, pow(b, x, power-1), power))
}

func intPow(x, y int64) int64 {
	if y < 0 {
		switch x {
		case 1:
			return 1
		case -1:
			return 1 - 2*(y&1)
		}
		return 0
	}
	p := int64(1)
	for ; y > 0; y >>= 1 {
		if y&1 == 1 {
			p *= x
		}
		x *= x
	}
	return p
}
