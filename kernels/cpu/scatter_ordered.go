package cpu

// scatter_ordered: x joined with elements of src by their index along dim: for dim 0 of
// two, out[index[i][j]][j] and src[i][j].
//
// x [...], index and order, which broadcast to src but for dim, src, but for dim at most as
// large as x → out, of x's shape. Bound by bytes.
//
// Elements are joined one by one in the order of index, in T (f16 and bf16 in f32), for
// which the order of indices, input 2, isn't needed. An index out of range writes nothing.
func init() {
	register("scatter_ordered", on(first, numbers(scatterOrdered(flooredShare[int32]), scatterOrdered(flooredShare[int64]),
		scatterOrdered(share[float32]), scatterOrdered(share[float64]))))
}

// How elements are joined, as the manifest numbers it.
const (
	joinSum = iota
	joinProduct
	joinMean
	joinMax
	joinMin
	joinLast
)

func scatterOrdered[T number](share func(sum, n T) T) binder {
	return func(a *Args) func() { return bindScatterOrdered(a, share) }
}

func bindScatterOrdered[T number](a *Args, share func(sum, n T) T) func() {
	in, index, source := a.input(0), a.input(1), a.input(3)
	x, src, out := view[T](in), view[T](source), view[T](a.Output)
	sameShape(in, a.Output)
	dim, how, includeSelf := a.dim(0, in.Shape), a.int(1), a.bool(2)
	if len(source.Shape) != len(in.Shape) || len(index.Shape) != len(in.Shape) {
		fail("the index has the shape %v, src %v, x %v", index.Shape, source.Shape, in.Shape)
	}
	for d, n := range source.Shape {
		if d != dim && n > in.Shape[d] {
			fail("src of shape %v is larger than x of shape %v", source.Shape, in.Shape)
		}
	}
	strides := stridesOf(in.Shape)
	stride := strides[dim]
	strides[dim] = 0
	read, places := indices(index, in.Shape[dim])
	w := newWalk(source.Shape, stridesOf(source.Shape), broadcastStrides(index, source.Shape), strides)
	if len(src) == 0 {
		w.rows = 0
	}
	j := joiner[T]{how: how, out: out, share: share}
	if includeSelf {
		j.self = 1
	}
	if how == joinMean || !includeSelf {
		j.parts = make([]int32, len(out))
	}
	return func() {
		copy(out, x)
		read()
		fill(j.parts, j.self)
		var c cursor
		for range w.rows {
			j.row(src[c.at[0]:], places[c.at[1]:], c.at[2], stride, w)
			c.next(w)
		}
		j.end()
	}
}

// joiner joins elements to those of out. parts counts what is in each, if that matters.
type joiner[T number] struct {
	how   int
	out   []T
	parts []int32
	self  int32
	share func(sum, n T) T
}

// row joins a row of src, whose elements belong at `at` plus their place times stride.
func (j *joiner[T]) row(src []T, places []int, at, stride int, w *walk) {
	if j.how == joinSum && j.parts == nil && w.strides[1] == 0 && w.strides[0] == 1 && w.strides[2] == 1 { // a slice
		if places[0] >= 0 {
			to := j.out[at+places[0]*stride:]
			to = to[:w.n]
			for i, v := range src[:w.n] {
				to[i] += v
			}
		}
		return
	}
	for i := range w.n {
		if place := places[i*w.strides[1]]; place >= 0 {
			j.join(at+i*w.strides[2]+place*stride, src[i*w.strides[0]])
		}
	}
}

func (j *joiner[T]) join(to int, v T) {
	if j.parts != nil {
		j.parts[to]++
		if j.parts[to] == 1 {
			j.out[to] = v
			return
		}
	}
	switch u := j.out[to]; j.how {
	case joinProduct:
		j.out[to] = u * v
	case joinMax:
		j.out[to] = max(u, v)
	case joinMin:
		j.out[to] = min(u, v)
	case joinLast:
		j.out[to] = v
	default:
		j.out[to] = u + v
	}
}

// end divides the sums of means.
func (j *joiner[T]) end() {
	if j.how != joinMean {
		return
	}
	for i, parts := range j.parts {
		if parts <= j.self {
			continue // nothing was written there
		}
		j.out[i] = j.share(j.out[i], T(parts))
	}
}

func share[T float](sum, n T) T { return sum / n }

func flooredShare[T integer](sum, n T) T {
	q := sum / n
	if sum%n < 0 {
		q--
	}
	return q
}
