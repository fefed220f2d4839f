package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Pow = ir.Register(kit.Binary(&ir.Op{
	Name:     "pow",
	Operator: "**",
	Doc: `a to the power b, element by element.

a and b are broadcast against each other. x ** 0 is 1 for every x, NaN included.
A negative float to a fractional power is NaN. Integers wrap around; to a negative
power, 1 and -1 give 1 or -1, and all others 0.`,
	Compute: ir.ComputeWide,
	Example: `
a: f32[3] = [1, 2, 3]
pow(a, 2): f32[3] = [1, 4, 9]`,
	Aliases: "power",
	ULPs:    16,
	Grad:    gradPow,
	Scalar:  comptime.Operator("**"),
	Smooth:  [2]float64{0.2, 2.5},
}, math.Pow, intPow))

// gradPow is zero at exponent 0 for a, and at base 0 for b, as long as the power
// itself is finite there: the formulas would give 0 · inf.
func gradPow(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	x, y := n.Inputs[0], n.Inputs[1]
	if y.Op == ir.ConstOp && len(y.Type.Shape) == 0 {
		return []*ir.Node{gradPower(b, g, x, y.Attr("value").(*ir.Tensor).Float(0)), nil}
	}
	constant := b.Eq(y, 0.0)
	dx := b.Mul(y, b.Pow(x, b.Where(constant, 0.0, b.Sub(y, 1.0))))
	flat := b.And(b.Eq(x, 0.0), b.Ge(y, 0.0))
	dy := b.Mul(n, b.Log(b.Where(flat, 1.0, x)))
	return []*ir.Node{
		b.SumTo(b.Mul(g, b.Where(constant, 0.0, dx)), x),
		b.SumTo(b.Mul(g, b.Where(flat, 0.0, dy)), y),
	}
}

// gradPower is the gradient of x to a constant power.
func gradPower(b *ir.Builder, g, x *ir.Node, power float64) *ir.Node {
	switch power {
	case 0:
		return b.Fill(x.Type, 0)
	case 1:
		return g
	case 2:
		return b.Mul(g, b.Mul(x, 2.0))
	}
	return b.Mul(g, b.Mul(b.Pow(x, power-1), power))
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
