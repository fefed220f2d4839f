package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var FloorDivide = ir.Register(kit.Binary(&ir.Op{
	Name: "floor_divide",
	Doc: `The quotient a / b rounded down to a whole number, element by element.

a and b are broadcast against each other. Integers give integers, and 0 where b
is 0. Unlike PyTorch's, it is exact where the rounded quotient is not: 1 / 0.1 is
rounded up to 10, but 0.1 goes into 1 only 9 times.`,
	Example: `
a: i32[2] = [7, -7]
floor_divide(a, 2): i32[2] = [3, -4]`,
	ULPs:   4, // a rounded difference and quotient; the last place of large quotients
	Scalar: comptime.FloorDivide,
}, floorDivide, floorDivideInts))

// floorDivide is exact where flooring a rounded quotient isn't: 1 / 0.1 is
// rounded up to 10, but 0.1 goes into 1 only 9 times.
func floorDivide(a, b float64) float64 {
	if b == 0 {
		return a / b
	}
	r := math.Mod(a, b)
	q := (a - r) / b
	if r != 0 && (r < 0) != (b < 0) {
		q--
	}
	if q == 0 {
		return math.Copysign(0, a/b)
	}
	whole := math.Floor(q)
	if q-whole > 0.5 {
		whole++
	}
	return whole
}

func floorDivideInts(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
