package cpu

import (
	"unsafe"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// tiled multiplies matrices by functions in assembly, which compute tiles of the output:
// up to 14 rows × 32 columns of f32 with AVX-512, 6 × 16 with AVX2, half as many columns
// of f64. The rows of a matrix are shared out evenly, so that 128 are eight tiles of 13
// and two of 12.
//
// Element (i, j) is the sum over k in order, each product added with one rounding, as
// tiles carry sums through out from one stretch of k to the next. So neither the sizes of
// tiles and blocks nor the instruction set show in the bits.
//
// Operands are read where they lie, or packed, whichever is faster (planPacking): B's
// columns side by side in panels as wide as a tile, which lie in the second- or
// third-level cache, and A's rows without what lies between them. The blocks are such
// that a panel of B stays in the first-level cache for all tiles of a block of rows, and
// these rows with their part of out in the second-level one.
type tiled struct {
	f    *asm.Products
	size int // of an element, in bytes

	// In elements, as in product; rows of out lie cRow apart.
	m, n, k                      int
	aRow, aCol, bRow, bCol, cRow int

	packA, packB bool
	wide         int // columns of a panel
	deep         int // how far a panel of A or B goes along k
	packedDeep   int // how far B is packed
	rows, cols   int // of a block
}

const (
	tileDepth   = 256     // a panel of B takes 32 KiB
	tileColumns = 2 << 10 // bytes of a row of a block
	tileBlock   = 8       // tiles that a block is high, at 14 rows each
	packedBytes = 8 << 20 // at most, for B's columns of a block
	cacheLine   = 64

	// About what one core does with AVX2, and what it reads from memory, to estimate costs.
	flopsPerNano, bytesPerNano = 60, 10
)

// newTiled plans products, or gives nil if there is no assembly.
func newTiled(p *product, dtype string) *tiled {
	size := 8
	if dtype == "f32" {
		size = 4
	}
	t := &tiled{f: asm.ProductsOf(asm.Chosen, size), size: size, m: p.m, n: p.n, k: p.k,
		aRow: p.aRow, aCol: p.aCol, bRow: p.bRow, bCol: p.bCol, cRow: p.n}
	if t.f == nil {
		return nil
	}
	if t.n == 1 {
		t.m, t.n, t.cRow = 1, t.m, t.m
		t.aRow, t.aCol, t.bRow, t.bCol = 0, p.bRow, p.aCol, p.aRow
	}
	t.planBlocks()
	t.planPacking()
	return t
}

// planBlocks chooses the sizes of blocks.
func (t *tiled) planBlocks() {
	t.wide = 2 * t.f.Lane
	t.deep = even(t.k, tileDepth, 1)
	t.cols = even(t.n, tileColumns/t.size, t.wide)
	t.rows = even(t.m, roundUp(tileBlock*14, t.f.Rows), 1)
	t.packedDeep = min(t.k, max(packedBytes/(t.cols*t.size)/t.deep, 1)*t.deep)
}

// even is the length of equal parts of n that are at most limit long, up to a multiple of
// unit.
func even(n, limit, unit int) int {
	parts := max((n+limit-1)/limit, 1)
	return max(roundUp((n+parts-1)/parts, unit), 1)
}

// planPacking chooses what is packed, once the strides are known.
func (t *tiled) planPacking() {
	reused := t.m > 2*t.f.Rows
	t.packB = t.bCol != 1 || reused && t.k*t.n*t.size > 64<<10
	columns := t.n > 2*t.wide
	if t.aCol == 1 {
		t.packA = columns && t.k > 1 && t.aRow*t.size >= 2<<10
	} else {
		t.packA = columns && t.k > 16 && t.aCol*t.size >= 256
	}
}

// tiler is one thread's memory for products.
type tiler struct {
	*tiled
	a, b      unsafe.Pointer // packed; in scratch memory, while it runs
	roomA     int            // bytes
	room      int            // for both
	borrowed  block
	tile      asm.Tile
	last      uint64 // the mask of the last vector of a row of out
	copy      asm.Copy
	transpose asm.Transpose

	calls *[]tileCall // where calls are listed, instead of made; nil but when binding
}

// tileCall is a call of a function in assembly.
type tileCall struct {
	run  func(*asm.Tile)
	args asm.Tile
}

func (t *tiled) newTiler() *tiler {
	w := &tiler{tiled: t}
	if t.packA {
		panel := roundUp(t.f.Rows, t.f.Lane)
		w.roomA = roundUp(max(t.rows*t.packedRow(), (t.rows/t.f.Rows+1)*panel*t.deep)*t.size, cacheLine)
		w.room = w.roomA
	}
	if t.packB {
		w.room += roundUp(t.cols, t.wide) * t.packedDeep * t.size
	}
	scratch.need(w.room)
	w.tile.CRow = t.cRow * t.size
	w.tile.Only(t.n%t.f.Lane, t.size)
	w.last = w.tile.Mask
	return w
}

// borrow and giveBack are around what packs.
func (w *tiler) borrow() {
	if w.room == 0 {
		return
	}
	w.borrowed = scratch.borrow()
	w.a = w.borrowed.at
	if w.packB {
		w.b = unsafe.Add(w.borrowed.at, w.roomA)
	}
}

func (w *tiler) giveBack() {
	if w.room == 0 {
		return
	}
	scratch.giveBack(w.borrowed)
	w.borrowed, w.a, w.b = block{}, nil, nil
}

// packedRow is how far packed rows of A lie apart: not by a power of two, of which few
// would fit a cache together.
func (t *tiled) packedRow() int { return roundUp(t.deep, t.f.Lane) + t.f.Lane }

// multiply computes rows i0 to i1 and columns j0 to j1 of a product. j0 is a multiple of
// wide, and j1 too, unless it is n.
func (w *tiler) multiply(out, a, b unsafe.Pointer, i0, i1, j0, j1 int) {
	rows := even(i1-i0, w.rows, 1)
	for j := j0; j < j1; j += w.cols {
		cols := min(w.cols, j1-j)
		for l0 := 0; l0 < w.k; l0 += w.packedDeep {
			depth := min(w.packedDeep, w.k-l0)
			panels, panelRow, panel := unsafe.Add(b, (l0*w.bRow+j)*w.size), w.bRow, w.wide
			if w.packB {
				w.packColumns(unsafe.Add(b, (l0*w.bRow+j*w.bCol)*w.size), cols, depth)
				panels, panelRow, panel = w.b, w.wide, w.wide*depth
			}
			for i := i0; i < i1; i += rows {
				for l := 0; l < depth; l += w.deep {
					from := unsafe.Add(a, (i*w.aRow+(l0+l)*w.aCol)*w.size)
					w.block(unsafe.Add(out, (i*w.cRow+j)*w.size), from, unsafe.Add(panels, l*panelRow*w.size),
						min(rows, i1-i), cols, min(w.deep, depth-l), panelRow, panel, l0+l > 0)
				}
			}
		}
	}
}

// block multiplies a block of A by panels of B, whose rows lie panelRow and which lie
// panel elements apart.
func (w *tiler) block(out, a, panels unsafe.Pointer, rows, cols, depth, panelRow, panel int, more bool) {
	tiles := (rows + w.f.Rows - 1) / w.f.Rows
	high := (rows + tiles - 1) / tiles
	taller := tiles - (high*tiles - rows) // so many tiles have high rows, the others one less
	t := &w.tile
	t.K, t.BRow = depth, panelRow*w.size
	t.ARow, t.ACol = w.aRow*w.size, w.aCol*w.size
	tileStep := 0 // between tiles, if it doesn't follow from the rows
	if w.packA {
		if w.aCol == 1 {
			t.ARow, t.ACol = w.packedRow()*w.size, w.size
			w.packRows(a, rows, depth)
		} else {
			t.ARow, t.ACol = w.size, roundUp(high, w.f.Lane)*w.size
			tileStep = t.ACol * depth
			w.packSlices(a, tiles, taller, high, depth)
		}
		a = w.a
	}
	t.Add = 0
	if more {
		t.Add = 1
	}
	for j, left := 0, cols; left > 0; {
		vectors := 2
		switch {
		case left <= w.f.Lane:
			vectors = 1
		case high <= w.f.Wide && left > 3*w.f.Lane && !w.packB:
			vectors = 4
		}
		n := min(left, vectors*w.f.Lane)
		masked := n%w.f.Lane != 0
		t.Mask = ^uint64(0) // AVX-512 has no functions without a mask
		if masked {
			t.Mask = w.last
		}
		t.A, t.B, t.C = uintptr(a), uintptr(panels)+uintptr(j/w.wide*panel*w.size), uintptr(out)+uintptr(j*w.size)
		for _, group := range [2]struct{ count, high int }{{taller, high}, {tiles - taller, high - 1}} {
			if group.count == 0 {
				continue
			}
			t.Count, t.ATile = group.count, tileStep
			if tileStep == 0 {
				t.ATile = group.high * t.ARow
			}
			if run := w.f.Tile(group.high, vectors, masked); w.calls == nil {
				run(t)
			} else {
				*w.calls = append(*w.calls, tileCall{run, *t})
			}
			t.A += uintptr(group.count * t.ATile)
			t.C += uintptr(group.count * group.high * t.CRow)
		}
		j += n
		left -= n
	}
}
