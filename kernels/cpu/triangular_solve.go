package cpu

// triangular_solve: the x with a·x = b, or with left false x·a = b, for a triangle of a.
// NaN where an element of the diagonal is 0.
//
// a [..., n, n], b [..., n, k] (or [..., k, n]) → out [..., n, k]. Bound by flops, n²k for
// a matrix.
func init() {
	register("triangular_solve", on(first, floats(triangularSolve[float32], triangularSolve[float64])))
}

func triangularSolve[T float](a *Args) func() {
	upper, left, unit := a.bool(0), a.bool(1), a.bool(2)
	return solving[T](a, left, false, func(m, b []float64, n, k int) bool {
		// x·a = b is aᵀ·xᵀ = bᵀ, and the other triangle.
		return solveTriangle(m, b, n, k, upper == left, unit)
	})
}

// solving binds what solves equations with matrices of n by n, for k columns.
func solving[T float](a *Args, left, column bool, solve func(m, b []float64, n, k int) bool) func() {
	batch := batchOf(a.Output, column)
	m := matricesOf[T](a.input(0), batch, false)
	b, out := matricesOf[T](a.input(1), batch, column), matricesOf[T](a.Output, batch, column)
	n, k := b.rows, b.cols
	if !left {
		n, k = k, n
	}
	if m.rows != n || m.cols != n || out.rows != b.rows || out.cols != b.cols {
		fail("%v doesn't fit %v", a.input(0).Shape, a.input(1).Shape)
	}
	if len(out.data) == 0 {
		return nothing
	}
	matrix, columns := make([]float64, n*n), make([]float64, n*k)
	return func() {
		for i := range out.starts {
			m.load(matrix, i, !left)
			b.load(columns, i, !left)
			out.store(columns, i, !left, solve(matrix, columns, n, k))
		}
	}
}

// solveTriangle replaces b by the solution, and says whether there is one.
func solveTriangle(m, b []float64, n, k int, upper, unit bool) bool {
	for step := range n {
		r, from, to := step, 0, step
		if upper {
			r = n - 1 - step
			from, to = r+1, n
		}
		row := b[r*k : (r+1)*k]
		for c := from; c < to; c++ {
			subtract(row, b[c*k:(c+1)*k], m[r*n+c])
		}
		if unit {
			continue
		}
		pivot := m[r*n+r]
		if pivot == 0 {
			return false
		}
		for j := range row {
			row[j] /= pivot
		}
	}
	return true
}
