package cpu

// strided binds a kernel that gives x's elements in another order: place
// (i, j, …) of the output, which has the given shape, holds element
// base + i·steps[0] + j·steps[1] + … of x.
func strided[T any](a *Args, shape []int, base int, steps []int) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	mustBe(a.Output, shape)
	w := newWalk(shape, strides(shape), steps)
	if len(out) == 0 {
		return nothing
	}
	if w.rows == 1 && w.steps[1] == 1 {
		x = x[base : base+w.n]
		return func() { copy(out, x) }
	}
	if last := len(w.outer) - 1; last >= 0 && w.outer[last].steps[1] == 1 && w.steps[1] != 0 {
		return func() { transposed(out, x, base, w) }
	}
	return func() {
		var c cursor
		for range w.rows {
			stridedRow(out[c.at[0]:c.at[0]+w.n], x, base+c.at[1], w.steps[1])
			c.next(w)
		}
	}
}

func stridedRow[T any](out, x []T, at, step int) {
	switch step {
	case 1:
		copy(out, x[at:])
	case 0:
		v := x[at]
		for i := range out {
			out[i] = v
		}
	default:
		for i := range out {
			out[i] = x[at]
			at += step
		}
	}
}

// tile is the edge of the squares in which matrices are transposed: a square of
// 8-byte elements takes 2 KiB of cache on either side.
const tile = 16

// transposed is strided for a walk whose last two dimensions are a matrix that
// lies transposed in x. Square by square, both sides stay in cache.
func transposed[T any](out, x []T, base int, w *walk) {
	rows := w.outer[len(w.outer)-1].n
	cols, step := w.n, w.steps[1]
	var outer walk
	outer.setOuter(w.outer[:len(w.outer)-1])
	var c cursor
	for range outer.rows {
		to, from := c.at[0], base+c.at[1]
		for i0 := 0; i0 < rows; i0 += tile {
			i1 := min(i0+tile, rows)
			for j0 := 0; j0 < cols; j0 += tile {
				j1 := min(j0+tile, cols)
				for i := i0; i < i1; i++ {
					at := from + i + j0*step
					line := out[to+i*cols+j0 : to+i*cols+j1]
					for j := range line {
						line[j] = x[at]
						at += step
					}
				}
			}
		}
		c.next(&outer)
	}
}
