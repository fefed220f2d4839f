package cpu

import "math"

// What factors matrices and solves equations works in f64, on a matrix at a time in
// memory of its own: all operands of one are read before its result is written.

// matrices says where the matrices of an operand lie: one for each of the output's
// batch, to which those of the operand are broadcast.
type matrices[T float] struct {
	data       []T
	starts     []int // by the output's
	rows, cols int
}

// matricesOf finds the matrices of a buffer in a batch. With column its last dimension is
// that of columns, matrices of one each.
func matricesOf[T float](b Buffer, batch []int, column bool) matrices[T] {
	shape := b.Shape
	if column {
		shape = append(append([]int{}, shape...), 1)
	}
	rank := len(shape)
	if rank < 2 || rank-2 > len(batch) {
		fail("the shape %v has no matrices in a batch of %v", b.Shape, batch)
	}
	m := matrices[T]{data: view[T](b), rows: shape[rank-2], cols: shape[rank-1], starts: make([]int, numel(batch))}
	lead := len(batch) - (rank - 2)
	for i := range m.starts {
		left, stride := i, m.rows*m.cols
		for d := len(batch) - 1; d >= lead; d-- {
			size := shape[d-lead]
			if size != 1 && size != batch[d] {
				fail("%v isn't broadcast to a batch of %v", b.Shape, batch)
			}
			if size != 1 {
				m.starts[i] += left % batch[d] * stride
			}
			left /= batch[d]
			stride *= size
		}
	}
	return m
}

// load reads matrix i, or its transpose.
func (m *matrices[T]) load(to []float64, i int, transposed bool) {
	from := m.data[m.starts[i]:][:m.rows*m.cols]
	if !transposed {
		for j, v := range from {
			to[j] = float64(v)
		}
		return
	}
	for r := range m.rows {
		for c, v := range from[r*m.cols : (r+1)*m.cols] {
			to[c*m.rows+r] = float64(v)
		}
	}
}

// store writes matrix i, or its transpose; NaN in all of it where there is no result.
func (m *matrices[T]) store(from []float64, i int, transposed, exists bool) {
	to := m.data[m.starts[i]:][:m.rows*m.cols]
	switch {
	case !exists:
		for j := range to {
			to[j] = T(math.NaN())
		}
	case !transposed:
		for j := range to {
			to[j] = T(from[j])
		}
	default:
		for r := range m.rows {
			for c := range m.cols {
				to[r*m.cols+c] = T(from[c*m.rows+r])
			}
		}
	}
}

// batchOf is the shape of a buffer without its last two dimensions; with column without
// the last one.
func batchOf(b Buffer, column bool) []int {
	last := 2
	if column {
		last = 1
	}
	if len(b.Shape) < last {
		fail("the shape %v has no matrices", b.Shape)
	}
	return b.Shape[:len(b.Shape)-last]
}

func isFinite(v float64) bool { return v-v == 0 }

// subtract takes a multiple of one row from another.
func subtract(from, row []float64, factor float64) {
	for i, v := range row {
		from[i] -= factor * v
	}
}
