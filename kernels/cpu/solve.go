package cpu

import (
	"math"
	"slices"
)

// solve: the x with a·x = b, or with left false x·a = b, by elimination with the largest
// element of a column as its pivot. NaN where there is no pivot but 0.
//
// a [..., n, n], b [..., n, k] (or [..., k, n], or [..., n]) → out, of b's dimensions in
// the batch of both. Bound by flops, 2n³/3 + 2n²k for a matrix.
func init() { register("solve", on(first, floats(solveAny[float32], solveAny[float64]))) }

func solveAny[T float](a *Args) func() {
	m, b := a.input(0).Shape, a.input(1).Shape
	left := a.bool(0)
	vectors := len(b) == 1 || left && len(m) == len(b)+1 && slices.Equal(m[:len(b)], b)
	return solving[T](a, left, vectors, solveSquare)
}

// solveSquare replaces b by the solution, and says whether there is one. m becomes a
// triangle.
func solveSquare(m, b []float64, n, k int) bool {
	for c := range n {
		pivot := c
		for r := c; r < n; r++ {
			if v := m[r*n+c]; math.Abs(v) > math.Abs(m[pivot*n+c]) || v != v {
				pivot = r
			}
		}
		if v := m[pivot*n+c]; v == 0 || !isFinite(v) {
			return false
		}
		if pivot != c {
			swap(m[c*n:(c+1)*n], m[pivot*n:(pivot+1)*n])
			swap(b[c*k:(c+1)*k], b[pivot*k:(pivot+1)*k])
		}
		for r := c + 1; r < n; r++ {
			factor := m[r*n+c] / m[c*n+c]
			subtract(m[r*n+c:(r+1)*n], m[c*n+c:(c+1)*n], factor)
			subtract(b[r*k:(r+1)*k], b[c*k:(c+1)*k], factor)
		}
	}
	return solveTriangle(m, b, n, k, true, false)
}

func swap(a, b []float64) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}
