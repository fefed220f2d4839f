package cpu

// strided binds a kernel that gives x's elements in another order: place
// (i, j, …) of the output, which has the given shape, holds element
// base + i·strides[0] + j·strides[1] + … of x.
func strided[T any](a *Args, shape []int, base int, strides []int) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	mustBe(a.Output, shape)
	w := newWalk(shape, stridesOf(shape), strides)
	if len(out) == 0 {
		return nothing
	}
	if w.rows == 1 && w.strides[1] == 1 {
		x = x[base : base+w.n]
		return func() { copy(out, x) }
	}
	if last := len(w.outer) - 1; last >= 0 && w.outer[last].strides[1] == 1 && w.strides[1] != 0 {
		return func() { transposed(out, x, base, w) }
	}
	return func() {
		var c cursor
		for range w.rows {
			stridedRow(out[c.at[0]:c.at[0]+w.n], x, base+c.at[1], w.strides[1])
			c.next(w)
		}
	}
}

func stridedRow[T any](out, x []T, at, stride int) {
	switch stride {
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
			at += stride
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
	cols, stride := w.n, w.strides[1]
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
					at := from + i + j0*stride
					dst := out[to+i*cols+j0 : to+i*cols+j1]
					for j := range dst {
						dst[j] = x[at]
						at += stride
					}
				}
			}
		}
		c.next(&outer)
	}
}
