package cpu

import "math"

// remainder: a - b·⌊a / b⌋, of b's sign, as Python's %, elementwise. By 0 it is NaN for
// floats and 0 for integers.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
func init() {
	register("remainder", on(first, numbers(binary(remainderInts[int32]), binary(remainderInts[int64]),
		binary(remainderFloats[float32]), binary(remainderFloats[float64]))))
}

func remainderFloats[T float](out []T, a, b operand[T]) {
	for i := range out {
		y := float64(b.at(i))
		r := math.Mod(float64(a.at(i)), y)
		if r != 0 && (r < 0) != (y < 0) {
			r += y
		}
		out[i] = T(r)
	}
}

func remainderInts[T integer](out []T, a, b operand[T]) {
	for i := range out {
		y := b.at(i)
		if y == 0 {
			out[i] = 0
			continue
		}
		r := a.at(i) % y
		if r != 0 && (r < 0) != (y < 0) {
			r += y
		}
		out[i] = r
	}
}
