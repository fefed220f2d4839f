package cpu

// maxRank is the largest number of dimensions a tensor may have.
const maxRank = 8

// maxOperands is how many tensors a walk steps through at once.
const maxOperands = 4

// walk goes through a dense output in order, row by row, and along with it
// through other tensors by their strides. Dimensions of size 1 are gone, and
// neighbours that all tensors step through evenly are one, so that rows are as
// long as they can be.
type walk struct {
	n     int              // elements in a row
	steps [maxOperands]int // from element to element of a row, per tensor
	outer []walkDim        // the other dimensions, outermost first
	rows  int

	lines     int // the innermost of outer, or 1
	lineSteps [maxOperands]int
}

type walkDim struct {
	n     int
	steps [maxOperands]int
}

// newWalk plans a walk over dimensions of these sizes, with the strides of each
// tensor.
func newWalk(shape []int, tensors ...[]int) *walk {
	if len(shape) > maxRank {
		fail("the shape %v has more than %d dimensions", shape, maxRank)
	}
	var dims []walkDim
	for i, n := range shape {
		if n == 1 {
			continue
		}
		d := walkDim{n: n}
		for t, s := range tensors {
			d.steps[t] = s[i]
		}
		if last := len(dims) - 1; last >= 0 && evenly(dims[last], d, len(tensors)) {
			d.n *= dims[last].n
			dims[last] = d
			continue
		}
		dims = append(dims, d)
	}
	w := &walk{n: 1}
	if len(dims) > 0 {
		last := dims[len(dims)-1]
		w.n, w.steps, dims = last.n, last.steps, dims[:len(dims)-1]
	}
	w.setOuter(dims)
	return w
}

// setOuter sets the outer dimensions, and what is computed from them.
func (w *walk) setOuter(outer []walkDim) {
	w.outer, w.rows, w.lines = outer, 1, 1
	for _, d := range outer {
		w.rows *= d.n
		w.lines, w.lineSteps = d.n, d.steps
	}
}

// evenly reports whether stepping once in the outer dimension is stepping
// through all of the inner one, for all tensors.
func evenly(outer, inner walkDim, tensors int) bool {
	for t := range tensors {
		if outer.steps[t] != inner.steps[t]*inner.n {
			return false
		}
	}
	return true
}

// cursor is a place in a walk: the offset in each tensor of the present row.
type cursor struct {
	at    [maxOperands]int
	line  int // in the innermost of the outer dimensions
	index [maxRank]int
}

// next goes to the next row.
func (c *cursor) next(w *walk) {
	c.line++
	if c.line >= w.lines {
		c.carry(w)
		return
	}
	c.at[0] += w.lineSteps[0]
	c.at[1] += w.lineSteps[1]
	c.at[2] += w.lineSteps[2]
	c.at[3] += w.lineSteps[3]
}

// carry goes to the next row where the innermost of the outer dimensions ends.
func (c *cursor) carry(w *walk) {
	c.line = 0
	for t := range c.at {
		c.at[t] -= w.lineSteps[t] * (w.lines - 1)
	}
	for d := len(w.outer) - 2; d >= 0; d-- {
		dim := &w.outer[d]
		c.index[d]++
		if c.index[d] < dim.n {
			for t := range c.at {
				c.at[t] += dim.steps[t]
			}
			return
		}
		c.index[d] = 0
		for t := range c.at {
			c.at[t] -= dim.steps[t] * (dim.n - 1)
		}
	}
}

// broadcastStrides gives the strides of a dense tensor seen in a larger shape:
// 0 where it repeats.
func broadcastStrides(in Buffer, out []int) []int {
	lead := len(out) - len(in.Shape)
	if lead < 0 {
		fail("the shape %v doesn't broadcast to %v", in.Shape, out)
	}
	s := make([]int, len(out))
	own := strides(in.Shape)
	for i, n := range in.Shape {
		switch {
		case n == out[lead+i]:
			s[lead+i] = own[i]
		case n != 1:
			fail("the shape %v doesn't broadcast to %v", in.Shape, out)
		}
	}
	return s
}
