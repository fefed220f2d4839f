package cpu

import "math"

// attending is what the kernels of attention are bound to: sizes, who sees whom, and
// memory for one query's scores. query and key are operands 0 and 1.
type attending[T float] struct {
	heads, sharing                 int // heads of queries, and how many share one of keys
	queries, keys, depth, features int
	scale                          T
	causal                         bool
	window                         int
	dropped, keep                  T
	seed                           uint64
	step                           []int64

	query, key, value, mask []T
	maskOf                  []int // by head, where its mask begins
	maskRow, maskColumn     int

	columns []int32 // that a row sees
	scores  []T     // theirs
}

// attendingOf reads the shapes of query, key and mask; value is a number of operand, or
// -1. scalars is where scale and what follows it are.
func attendingOf[T float](a *Args, value, mask, scalars int) *attending[T] {
	q, k := a.input(0).Shape, a.input(1).Shape
	rank := len(q)
	if rank < 2 || len(k) != rank || q[rank-1] != k[rank-1] {
		fail("queries of shape %v don't go with keys of shape %v", q, k)
	}
	t := &attending[T]{heads: numel(q[:rank-2]), sharing: 1, queries: q[rank-2], keys: k[rank-2], depth: q[rank-1],
		scale: T(a.float(scalars)), causal: a.bool(scalars + 1), window: a.int(scalars + 2),
		query: view[T](a.input(0)), key: view[T](a.input(1)), mask: view[T](a.input(mask))}
	if of := numel(k[:rank-2]); of > 0 {
		t.sharing = t.heads / of
	}
	if value >= 0 {
		v := a.input(value)
		if len(v.Shape) != rank || v.Shape[rank-2] != t.keys {
			fail("values of shape %v don't go with keys of shape %v", v.Shape, k)
		}
		t.features, t.value = v.Shape[rank-1], view[T](v)
	}
	t.columns, t.scores = make([]int32, 0, max(t.keys, t.queries)), make([]T, max(t.keys, t.queries))
	t.placeMask(a.input(mask), q[:rank-2])
	return t
}

// drops reads what dropout is drawn by.
func (t *attending[T]) drops(a *Args, scalars int) {
	t.dropped, t.seed, t.keep = T(a.float(scalars+3)), uint64(a.int(scalars+4)), T(a.float(scalars+5))
	t.step = view[int64](a.input(len(a.Inputs) - 1))
}

// placeMask finds the mask of each head: its strides are those of a mask that is
// broadcast to the scores.
func (t *attending[T]) placeMask(mask Buffer, batch []int) {
	scores := append(append([]int(nil), batch...), t.queries, t.keys)
	strides := broadcastStrides(mask, scores)
	rank := len(scores)
	t.maskRow, t.maskColumn = strides[rank-2], strides[rank-1]
	t.maskOf = make([]int, t.heads)
	for h := range t.maskOf {
		rest := h
		for d := rank - 3; d >= 0; d-- {
			t.maskOf[h] += rest % batch[d] * strides[d]
			rest /= batch[d]
		}
	}
}

// reach gives the columns that a row may see by their places: keys from up to to of
// query row, or, byKeys, queries of key row.
func (t *attending[T]) reach(row int, byKeys bool) (from, to int) {
	to = t.keys
	if byKeys {
		to = t.queries
	}
	switch {
	case t.causal && byKeys:
		from = row
	case t.causal:
		to = min(to, row+1)
	}
	if t.window > 0 {
		from = max(from, row-t.window+1)
		if row < to-t.window {
			to = row + t.window
		}
	}
	return from, to
}

// see gives the columns that a row of a head sees, and its scores for them: those that
// aren't -∞. x is the row's vector, y the columns' vectors.
func (t *attending[T]) see(x, y []T, h, row int, byKeys bool) (columns []int32, scores []T) {
	from, to := t.reach(row, byKeys)
	if from >= to {
		return nil, nil
	}
	scores = t.scores[:to-from]
	dots(scores, x, y, from, t.depth)
	mask, stride := t.mask[t.maskOf[h]:], t.maskColumn
	at := row * t.maskRow
	if byKeys {
		at, stride = row*t.maskColumn, t.maskRow
	}
	columns = t.columns[:0]
	for c := from; c < to; c++ {
		s := T(scores[c-from]*t.scale) + mask[at+c*stride]
		if float64(s) != math.Inf(-1) {
			scores[len(columns)] = s
			columns = append(columns, int32(c))
		}
	}
	return columns, scores[:len(columns)]
}

// exponentials makes weights of scores: those of the scores less the largest. Without a
// score, top is -∞ and sum 0.
func exponentials[T float](scores []T) (top T, sum float64) {
	top = T(math.Inf(-1))
	for _, s := range scores {
		top = max(top, s)
	}
	for i, s := range scores {
		e := expOf[T](float64(s) - float64(top))
		scores[i] = T(e)
		sum += e
	}
	return top, sum
}

// kept is what dropout multiplies the weight of key j by, in a row of queries, which is
// counted through all heads. Each row draws under a key of its own.
func (t *attending[T]) kept(row, j int) T {
	words := draw(t.seed+uint64(row)*0x9e3779b97f4a7c15, t.step[0], j/4)
	if unit[T](words[j%4]>>8) < t.dropped {
		return 0
	}
	return t.keep
}

// withWeight leaves out what has none: it adds nothing, whatever it is.
func withWeight[T float](weights []T, columns []int32) ([]T, []int32) {
	left := 0
	for i, w := range weights {
		if w != 0 {
			weights[left], columns[left] = w, columns[i]
			left++
		}
	}
	return weights[:left], columns[:left]
}

// dots gives the products of x and the vectors of y from number first on, four at a time.
func dots[T float](out []T, x, y []T, first, n int) {
	x, y = x[:n], y[first*n:]
	i := 0
	for ; i+4 <= len(out); i += 4 {
		a, b, c, d := y[:n], y[n:2*n], y[2*n:3*n], y[3*n:4*n]
		var s, t, u, v T
		for l, e := range x {
			s += e * a[l]
			t += e * b[l]
			u += e * c[l]
			v += e * d[l]
		}
		out[i], out[i+1], out[i+2], out[i+3] = s, t, u, v
		y = y[4*n:]
	}
	for ; i < len(out); i++ {
		var s T
		for l, e := range x {
			s += e * y[l]
		}
		out[i] = s
		y = y[n:]
	}
}

// dot is the product of two vectors.
func dot[T float](x, y []T) (s T) {
	y = y[:len(x)]
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

// gatherInto adds vectors of y, of the columns, times their weights, to out, four at a
// time.
func gatherInto[T float](out []T, weights []T, columns []int32, y []T) {
	n, i := len(out), 0
	for ; i+4 <= len(columns); i += 4 {
		a, b := y[int(columns[i])*n:][:n], y[int(columns[i+1])*n:][:n]
		c, d := y[int(columns[i+2])*n:][:n], y[int(columns[i+3])*n:][:n]
		s, t, u, v := weights[i], weights[i+1], weights[i+2], weights[i+3]
		for f := range out {
			out[f] += s*a[f] + t*b[f] + (u*c[f] + v*d[f])
		}
	}
	for ; i < len(columns); i++ {
		a, s := y[int(columns[i])*n:][:n], weights[i]
		for f := range out {
			out[f] += s * a[f]
		}
	}
}
