package cpu

// index_add: x, with slice i of source added to slice index[i] along dim.
//
// x [...], index [k], source of x's shape but for k along dim → out, of x's shape.
// Bound by bytes.
//
// Slices are added one by one in the order of index, in T (f16 and bf16 in f32). An
// index out of range adds nothing.
func init() {
	register("index_add", on(first, numbers(indexAdd[int32], indexAdd[int64], indexAdd[float32], indexAdd[float64])))
}

func indexAdd[T number](a *Args) func() {
	in, index, source := a.input(0), a.input(1), a.input(2)
	x, src, out := view[T](in), view[T](source), view[T](a.Output)
	sameShape(in, a.Output)
	dim := a.dim(0, in.Shape)
	outer, n, inner := split(in.Shape, dim)
	if len(index.Shape) != 1 {
		fail("the index has the shape %v; one dimension was expected", index.Shape)
	}
	k := index.Shape[0]
	want := append([]int(nil), in.Shape...)
	want[dim] = k
	mustBe(source, want)
	read, places := indices(index, n)
	return func() {
		copy(out, x)
		read()
		for o := range outer {
			for i, place := range places {
				if place < 0 {
					continue
				}
				to := out[(o*n+place)*inner : (o*n+place+1)*inner]
				for j, v := range src[(o*k+i)*inner : (o*k+i+1)*inner] {
					to[j] += v
				}
			}
		}
	}
}
