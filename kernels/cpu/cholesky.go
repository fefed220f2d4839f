package cpu

import "math"

// cholesky: the lower triangle l of the symmetric part of x, such that l·lᵀ is that part;
// with upper its transpose. NaN where there is none.
//
// x [..., n, n] → out [..., n, n]. Bound by flops, n³/3 for a matrix.
func init() { register("cholesky", on(first, floats(cholesky[float32], cholesky[float64]))) }

func cholesky[T float](a *Args) func() {
	in, upper := a.input(0), a.bool(0)
	sameShape(in, a.Output)
	batch := batchOf(in, false)
	x, out := matricesOf[T](in, batch, false), matricesOf[T](a.Output, batch, false)
	n := x.rows
	if x.cols != n {
		fail("the shape %v has no square matrices", in.Shape)
	}
	if len(x.data) == 0 {
		return nothing
	}
	l := make([]float64, n*n)
	return func() {
		for i := range x.starts {
			x.load(l, i, false)
			out.store(l, i, upper, factorCholesky(l, n))
		}
	}
}

// factorCholesky replaces a matrix by its factor, row by row, and says whether it has one.
func factorCholesky(l []float64, n int) bool {
	for i := range n {
		row := l[i*n : (i+1)*n]
		for j := range i {
			// Halves don't overflow; those of equal elements add up to the element.
			if above := l[j*n+i]; above != row[j] {
				row[j] = row[j]/2 + above/2
			}
		}
		for j := range i {
			row[j] = (row[j] - dot(row[:j], l[j*n:j*n+j])) / l[j*n+j]
		}
		pivot := row[i] - dot(row[:i], row[:i])
		if !(pivot > 0) || !isFinite(pivot) {
			return false
		}
		row[i] = math.Sqrt(pivot)
	}
	for i := range n {
		clear(l[i*n+i+1 : (i+1)*n])
	}
	return true
}
