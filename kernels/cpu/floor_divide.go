package cpu

import "math"

// floor_divide: ⌊a / b⌋, elementwise. By 0 it is ±∞ or NaN for floats and 0 for
// integers.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
func init() {
	register("floor_divide", on(first, numbers(binary(floorDivideInts[int32]), binary(floorDivideInts[int64]),
		binary(floorDivideFloats[float32]), binary(floorDivideFloats[float64]))))
}

func floorDivideFloats[T float](out []T, a, b operand[T]) {
	for i := range out {
		x, y := float64(a.at(i)), float64(b.at(i))
		if y == 0 {
			out[i] = T(x / y)
			continue
		}
		// The quotient of what divides without rest: a rounded quotient may lie
		// above the floor of the exact one, 1 / 0.1 for instance.
		r := math.Mod(x, y)
		q := math.RoundToEven((x - r) / y)
		if r != 0 && (r < 0) != (y < 0) {
			q--
		}
		out[i] = T(q)
	}
}

func floorDivideInts[T integer](out []T, a, b operand[T]) {
	for i := range out {
		x, y := a.at(i), b.at(i)
		if y == 0 {
			out[i] = 0
			continue
		}
		q := x / y
		if x%y != 0 && (x < 0) != (y < 0) {
			q--
		}
		out[i] = q
	}
}
