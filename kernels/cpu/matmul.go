package cpu

import "unsafe"

// matmul: the matrix product, with NumPy's rules for vectors and batches.
//
// a [..., m, k], b [..., k, n] → out [..., m, n]; a vector a is [1, k], a vector b [k,
// 1], and the added dimension is not in the output; leading dimensions broadcast.
// transpose_a takes a as [..., k, m], transpose_b b as [..., n, k]. Bound by flops:
// 2·m·n·k.
//
// Integers, and floats without assembly, are multiplied in Go: element (i, j) is the sum
// over k in order, in T, whatever path is taken. Small products go straight at the
// operands (a packed copy costs more than it brings); large ones through matmulBlocked.
// Floats with assembly go through tiles (matmul_tiles.go) or dots (matmul_dots.go), and
// large ones are split among threads.
func init() {
	register("matmul", on(first, numbers(matmul[int32], matmul[int64], matmulFloats[float32], matmulFloats[float64])))
}

// matmulFloats chooses a path for floats.
func matmulFloats[T float](args *Args) func() {
	p := planProduct(args)
	if len(args.Output.Data) > 0 && p.k > 0 {
		if run := p.bind(args, args.Output, args.input(0), args.input(1)); run != nil {
			return run
		}
	}
	return matmul[T](args)
}

// bind binds products that aren't empty to assembly, or gives nil if there is none.
func (p *product) bind(args *Args, out, a, b Buffer) func() {
	t := newTiled(p, out.DType)
	if t == nil {
		return nil
	}
	x := products{tiled: t, at: p.batch, out: unsafe.Pointer(unsafe.SliceData(out.Data)),
		a: unsafe.Pointer(unsafe.SliceData(a.Data)), b: unsafe.Pointer(unsafe.SliceData(b.Data))}
	if x.at == nil {
		x.at = []batchAt{{}}
	}
	if p.n == 1 { // a column is a row
		x.a, x.b = x.b, x.a
		for i, at := range x.at {
			x.at[i] = batchAt{at.b, at.a}
		}
	}
	return x.bind(args)
}

func matmul[T number](args *Args) func() {
	a, b, out := view[T](args.input(0)), view[T](args.input(1)), view[T](args.Output)
	p := planProduct(args)
	multiply := matmulSmall[T]
	switch {
	case len(out) == 0:
		return nothing
	case p.k == 0:
		return func() { clear(out) }
	case p.k == 1:
		multiply = matmulOuter[T]
	case p.m*p.n*p.k >= blockedFrom && p.m >= tileRows && p.n >= tileCols:
		multiply = newBlocked[T](p)
	}
	if p.batch == nil {
		return func() { multiply(out, a, b, p) }
	}
	size := p.m * p.n
	return func() {
		for i, at := range p.batch {
			multiply(out[i*size:(i+1)*size], a[at.a:], b[at.b:], p)
		}
	}
}

// product is a matrix product m×k times k×n. Element (i, l) of a lies at
// i·aRow + l·aCol, element (l, j) of b at l·bRow + j·bCol; out is dense.
type product struct {
	m, n, k                int
	aRow, aCol, bRow, bCol int
	batch                  []batchAt // nil if there is one product at the operands' start
}

// batchAt is where the operands of one product of a batch begin.
type batchAt struct{ a, b int }

// planProduct reads the operands' shapes.
func planProduct(args *Args) *product {
	a, b := args.input(0), args.input(1)
	transposeA, transposeB := args.bool(0), args.bool(1)
	as, bs := a.Shape, b.Shape
	if len(as) == 0 || len(bs) == 0 || transposeA && len(as) < 2 || transposeB && len(bs) < 2 {
		fail("the shapes %v and %v can't be multiplied", as, bs)
	}
	vectorA, vectorB := len(as) == 1, len(bs) == 1
	if vectorA {
		as = []int{1, as[0]}
	}
	if vectorB {
		bs = []int{bs[0], 1}
	}
	p := &product{m: as[len(as)-2], k: as[len(as)-1], aCol: 1, n: bs[len(bs)-1], bCol: 1}
	p.aRow, p.bRow = p.k, p.n
	if transposeA {
		p.m, p.k, p.aRow, p.aCol = p.k, p.m, 1, p.k
	}
	inner := bs[len(bs)-2]
	if transposeB {
		inner, p.n, p.bRow, p.bCol = p.n, inner, 1, p.n
	}
	if inner != p.k {
		fail("inner sizes differ: %v times %v (transposed: %v, %v)", a.Shape, b.Shape, transposeA, transposeB)
	}
	want := p.planBatch(as[:len(as)-2], bs[:len(bs)-2])
	if !vectorA {
		want = append(want, p.m)
	}
	if !vectorB {
		want = append(want, p.n)
	}
	mustBe(args.Output, want)
	return p
}

// planBatch lays out the products of broadcast leading dimensions, and gives
// their shape.
func (p *product) planBatch(a, b []int) []int {
	rank := max(len(a), len(b))
	shape := make([]int, rank)
	for i := range shape {
		da, db := 1, 1
		if j := i - rank + len(a); j >= 0 {
			da = a[j]
		}
		if j := i - rank + len(b); j >= 0 {
			db = b[j]
		}
		shape[i] = max(da, db)
		if da == 0 || db == 0 {
			shape[i] = 0
		}
	}
	sa, sb := broadcastStrides(Buffer{Shape: a}, shape), broadcastStrides(Buffer{Shape: b}, shape)
	if count := numel(shape); count != 1 {
		p.batch = make([]batchAt, 0, count)
		w := newWalk(append(shape[:rank:rank], 1), append(sa, 0), append(sb, 0))
		var c cursor
		for range w.rows {
			at := batchAt{c.at[0] * p.m * p.k, c.at[1] * p.k * p.n}
			for range min(w.n, count) {
				p.batch = append(p.batch, at)
				at.a += w.strides[0] * p.m * p.k
				at.b += w.strides[1] * p.k * p.n
			}
			c.next(w)
		}
	}
	return shape
}
