package cpu

// reduction folds elements T into accumulators A, and gives results U.
type reduction[T, A, U any] struct {
	start A
	// row folds a contiguous row into one accumulator.
	row func(acc A, x []T) A
	// columns folds x[i] into acc[i].
	columns func(acc []A, x []T)
	end     func(A) U
}

// columnBlock is how many accumulators a reduction over outer dimensions keeps
// at a time, and rowBlock how many elements of a row are folded at a time: as many
// as fused parts give at once, so that a fused reduction has the same bits.
const (
	columnBlock = 256
	rowBlock    = chainBlock
)

// reducer binds a reduction of elements that the parts of a fused kernel give.
type reducer = func(a *Args, x *chain) func()

// source is where a reduction's elements come from: memory, or the parts of a fused kernel.
type source[T any] struct {
	x     []T
	parts *chain

	given []T // what parts gave last, from element lo on
	lo    int
	next  int // what follows the elements asked for last
	ahead int // how many elements parts gave, since each followed those before
}

// at gives n elements, of which parts can give chainBlock at a time. Short rows that follow
// one another are computed many at a time: twice as many as before, so that at most half of
// it is in vain.
func (s *source[T]) at(from, n int) []T {
	if s.parts == nil {
		return s.x[from : from+n]
	}
	if from < s.lo || from+n > s.lo+len(s.given) {
		if from != s.next {
			s.ahead = 0
		}
		s.ahead = min(max(2*s.ahead, n), chainBlock)
		count := min(s.ahead, s.parts.count-from)
		s.given, s.lo = stretch[T](s.parts.compute(from, count), count), from
	}
	s.next = from + n
	return s.given[from-s.lo:][:n]
}

// reduce binds a reduction over the dims of scalar 0, with or without the
// reduced dimensions in the output's shape.
//
// Elements meet in the order of memory. The innermost dimension that is left
// after merging decides how: where it is reduced, its rows are folded one by
// one; where it is kept, a block of neighbouring outputs is folded side by side.
func reduce[T, A, U any](r reduction[T, A, U]) form {
	return form{
		bind: func(a *Args) func() { return bindReduction(r, a, &source[T]{x: view[T](a.input(0))}) },
		over: func(a *Args, x *chain) func() {
			from := &source[T]{parts: x}
			run := bindReduction(r, a, from)
			return func() {
				from.given = nil // the inputs have changed
				run()
			}
		},
	}
}

func bindReduction[T, A, U any](r reduction[T, A, U], a *Args, x *source[T]) func() {
	out, count := view[U](a.Output), numel(a.input(0).Shape)
	kept, reduced, inner := reducePlan(a)
	switch {
	case len(out) == 0:
		return nothing
	case count == 0:
		return func() {
			for i := range out {
				out[i] = r.end(r.start)
			}
		}
	case count == len(out):
		return func() {
			for at := 0; at < count; at += rowBlock {
				block := x.at(at, min(rowBlock, count-at))
				for i := range block {
					out[at+i] = r.end(r.row(r.start, block[i:i+1]))
				}
			}
		}
	case inner.reduced && len(out) == 1 && count <= rowBlock && x.parts == nil: // a small net's loss
		all := x.x
		return func() { out[0] = r.end(r.row(r.start, all)) }
	case inner.reduced:
		return func() { reduceRows(r, out, x, kept, reduced, inner.n) }
	}
	acc := make([]A, min(columnBlock, inner.n))
	return func() { reduceColumns(r, out, x, kept, reduced, inner.n, acc) }
}

// innerDim is the innermost dimension, which is walked apart from the others.
type innerDim struct {
	n       int
	reduced bool
}

// reducePlan splits the input's dimensions into those that are kept, those that
// are reduced, each with the input's strides, and the innermost run of one kind.
func reducePlan(a *Args) (kept, reduced *walk, inner innerDim) {
	shape := a.input(0).Shape
	isReduced := make([]bool, len(shape))
	for _, d := range a.ints(0) {
		if d < 0 || d >= len(shape) || isReduced[d] {
			fail("dims %v don't fit the shape %v", a.ints(0), shape)
		}
		isReduced[d] = true
	}
	checkReduced(a.Output, shape, isReduced)
	last := len(shape) - 1
	for last >= 0 && shape[last] == 1 {
		last--
	}
	inner.n = 1
	if last >= 0 {
		inner.reduced = isReduced[last]
	}
	rest := last
	for ; rest >= 0 && (isReduced[rest] == inner.reduced || shape[rest] == 1); rest-- {
		inner.n *= shape[rest]
	}
	own := stridesOf(shape)
	var dims, strides [2][]int // of kept and reduced dimensions
	for i := 0; i <= rest; i++ {
		kind := 0
		if isReduced[i] {
			kind = 1
		}
		dims[kind] = append(dims[kind], shape[i])
		strides[kind] = append(strides[kind], own[i])
	}
	return newWalk(dims[0], strides[0]), newWalk(dims[1], strides[1]), inner
}

// checkReduced refuses an output whose shape is neither with nor without the
// reduced dimensions.
func checkReduced(out Buffer, shape []int, isReduced []bool) {
	var without, with []int
	for i, n := range shape {
		if isReduced[i] {
			with = append(with, 1)
			continue
		}
		without, with = append(without, n), append(with, n)
	}
	if len(out.Shape) == len(with) {
		without = with
	}
	mustBe(out, without)
}

func reduceRows[T, A, U any](r reduction[T, A, U], out []U, x *source[T], kept, reduced *walk, n int) {
	i := 0
	var k cursor
	for range kept.rows {
		at := k.at[0]
		for range kept.n {
			acc := r.start
			var c cursor
			for range reduced.rows {
				from := at + c.at[0]
				for range reduced.n {
					for done := 0; done < n; done += rowBlock {
						acc = r.row(acc, x.at(from+done, min(rowBlock, n-done)))
					}
					from += reduced.strides[0]
				}
				c.next(reduced)
			}
			out[i] = r.end(acc)
			i++
			at += kept.strides[0]
		}
		k.next(kept)
	}
}

func reduceColumns[T, A, U any](r reduction[T, A, U], out []U, x *source[T], kept, reduced *walk, n int, acc []A) {
	i := 0
	var k cursor
	for range kept.rows {
		at := k.at[0]
		for range kept.n {
			for block := 0; block < n; block += len(acc) {
				acc := acc[:min(len(acc), n-block)]
				for j := range acc {
					acc[j] = r.start
				}
				var c cursor
				for range reduced.rows {
					from := at + block + c.at[0]
					for range reduced.n {
						r.columns(acc, x.at(from, len(acc)))
						from += reduced.strides[0]
					}
					c.next(reduced)
				}
				for j, v := range acc {
					out[i+j] = r.end(v)
				}
				i += len(acc)
			}
			at += kept.strides[0]
		}
		k.next(kept)
	}
}

// as makes the end of a reduction that only changes the type.
func as[U, A element](v A) U { return U(v) }
