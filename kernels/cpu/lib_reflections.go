package cpu

import "math"

// reflections takes a matrix apart by Householder's reflections, as LAPACK's geqrf does:
// reflection j, I - scales[j]·v·vᵀ, makes column j 0 below the diagonal. Its v is 1 at j,
// and below it what x has there then.
type reflections struct {
	m, n, k int
	x       []float64
	scales  []float64
	q       []float64 // of m rows and k columns
	row     []float64
}

// reflecting binds what computes a factor.
func reflecting[T float](a *Args, factor func(*reflections) []float64) func() {
	batch := batchOf(a.Output, false)
	x, out := matricesOf[T](a.input(0), batch, false), matricesOf[T](a.Output, batch, false)
	m, n := x.rows, x.cols
	k := min(m, n)
	if len(out.data) == 0 {
		return nothing
	}
	r := &reflections{m: m, n: n, k: k, x: make([]float64, m*n), scales: make([]float64, k), q: make([]float64, m*k), row: make([]float64, max(n, k))}
	return func() {
		for i := range out.starts {
			x.load(r.x, i, false)
			r.factor()
			out.store(factor(r), i, false, true)
		}
	}
}

func (r *reflections) factor() {
	for j := range r.k {
		top, below := r.x[j*r.n+j], r.norm(j)
		if r.scales[j] = 0; below == 0 {
			continue
		}
		beta := -math.Copysign(math.Hypot(top, below), top)
		r.scales[j] = (beta - top) / beta
		for i := j + 1; i < r.m; i++ {
			r.x[i*r.n+j] /= top - beta
		}
		r.x[j*r.n+j] = beta
		r.reflect(r.x, r.n, j, j+1)
	}
}

// norm is that of column j below the diagonal.
func (r *reflections) norm(j int) float64 {
	largest := 0.0
	for i := j + 1; i < r.m; i++ {
		largest = max(largest, math.Abs(r.x[i*r.n+j]))
	}
	if largest == 0 || !isFinite(largest) {
		return largest
	}
	sum := 0.0 // of squares that don't overflow
	for i := j + 1; i < r.m; i++ {
		v := r.x[i*r.n+j] / largest
		sum += v * v
	}
	return largest * math.Sqrt(sum)
}

// reflect applies reflection j to the columns of a matrix from one on.
func (r *reflections) reflect(a []float64, cols, j, from int) {
	sums := r.row[:cols-from]
	copy(sums, a[j*cols+from:(j+1)*cols])
	for i := j + 1; i < r.m; i++ {
		subtract(sums, a[i*cols+from:(i+1)*cols], -r.x[i*r.n+j])
	}
	subtract(a[j*cols+from:(j+1)*cols], sums, r.scales[j])
	for i := j + 1; i < r.m; i++ {
		subtract(a[i*cols+from:(i+1)*cols], sums, r.scales[j]*r.x[i*r.n+j])
	}
}

// product gives the first k columns of the product of all reflections.
func (r *reflections) product() []float64 {
	clear(r.q)
	for j := range r.k {
		r.q[j*r.k+j] = 1
	}
	for j := r.k - 1; j >= 0; j-- {
		r.reflect(r.q, r.k, j, j)
	}
	return r.q
}

// triangle gives the first k rows of what the reflections have made of x.
func (r *reflections) triangle() []float64 {
	for i := range r.k {
		clear(r.x[i*r.n : i*r.n+i])
	}
	return r.x[:r.k*r.n]
}
