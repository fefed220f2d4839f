package cpu

import "slices"

// pad: x with a border, or without some of its elements. The border is a value (mode 0), x
// mirrored at its ends (1), its ends (2), or x begun again (3).
//
// x [...] → out, whose dimension i is larger by padding[2i] before and padding[2i+1]
// after, which may be negative. Bound by bytes.
func init() {
	register("pad", on(first, variants[binder]{boolean: pad(boolValue), u8: pad(u8Value), i32: pad(i32Value), i64: pad(asInt),
		f16: pad(f16Value), bf16: pad(bf16Value), f32: pad(f32Value), f64: pad(asFloat)}))
}

// The modes.
const (
	padValue = iota
	padReflect
	padReplicate
	padCircular
)

func pad[T any](value func(any) T) binder {
	return func(a *Args) func() {
		x, padding := a.input(0).Shape, a.ints(0)
		if len(padding) != 2*len(x) {
			fail("%d paddings don't fit the shape %v", len(padding), x)
		}
		shape := slices.Clone(x)
		for d := range shape {
			before, after := padding[2*d], padding[2*d+1]
			if min(before, 0)+min(after, 0) < -x[d] {
				fail("padding %v cuts more off dim %d of %v than there is", padding, d, x)
			}
			shape[d] += before + after
		}
		mustBe(a.Output, shape)
		around := value(a.scalar(1))
		if a.int(2) != padValue {
			return padBorders[T](a)
		}
		out, middle := view[T](a.Output), padMiddle[T](a)
		return func() {
			fill(out, around)
			middle()
		}
	}
}

// padMiddle copies what is left of x to its place.
func padMiddle[T any](a *Args) func() {
	in, padding := a.input(0), a.ints(0)
	x, out := view[T](in), view[T](a.Output)
	left, own, strides := slices.Clone(in.Shape), stridesOf(in.Shape), stridesOf(a.Output.Shape)
	from, to := 0, 0
	for d := range left {
		before, after := padding[2*d], padding[2*d+1]
		left[d] += min(before, 0) + min(after, 0)
		from += max(-before, 0) * own[d]
		to += max(before, 0) * strides[d]
	}
	w := newWalk(left, own, strides)
	if numel(left) == 0 {
		w.rows = 0
	}
	return func() {
		var c cursor
		for range w.rows {
			moveRow(out[to+c.at[1]:], x[from+c.at[0]:], w.n, w.strides[1], w.strides[0])
			c.next(w)
		}
	}
}

// moveRow copies n elements that lie apart, in both tensors: where inner dimensions are cut
// or padded, neighbours don't stay neighbours.
func moveRow[T any](out, x []T, n, apart, xApart int) {
	if apart == 1 && xApart == 1 {
		copy(out[:n], x[:n])
		return
	}
	for i := range n {
		out[i*apart] = x[i*xApart]
	}
}

// padBorders takes every element of the output from x.
func padBorders[T any](a *Args) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	shape, rank := a.Output.Shape, len(a.Output.Shape)
	if rank == 0 {
		return func() { copy(out, x) }
	}
	sources := make([][]int, rank) // the offset in x of each place of a dimension
	strides := stridesOf(a.input(0).Shape)
	for d, n := range shape {
		sources[d] = make([]int, n)
		for i := range sources[d] {
			before, after := a.ints(0)[2*d], a.ints(0)[2*d+1]
			size := a.input(0).Shape[d]
			sources[d][i] = border(a.int(2), i-before, size, size+min(before, 0)+min(after, 0)) * strides[d]
		}
	}
	row, last := shape[rank-1], sources[rank-1]
	return func() {
		var index [maxRank]int
		for at := 0; at < len(out); at += row {
			from := 0
			for d := range rank - 1 {
				from += sources[d][index[d]]
			}
			for i, offset := range last {
				out[at+i] = x[from+offset]
			}
			for d := rank - 2; d >= 0; d-- {
				if index[d]++; index[d] < shape[d] {
					break
				}
				index[d] = 0
			}
		}
	}
}

// border is where in a dimension of a size place i comes from. Circular begins what is kept
// again.
func border(mode, i, size, kept int) int {
	at := i
	switch {
	case i >= 0 && i < size:
	case mode == padReflect && i < 0:
		at = -i
	case mode == padReflect:
		at = 2*(size-1) - i
	case mode == padReplicate:
		at = min(max(i, 0), size-1)
	case mode == padCircular && i < 0:
		at = i + kept
	case mode == padCircular:
		at = i - kept
	}
	if at < 0 || at >= size {
		fail("there is no element %d of %d for a border", at, size)
	}
	return at
}

func fill[T any](out []T, v T) {
	for i := range out {
		out[i] = v
	}
}
