package cpu

const (
	// A tile of tileRows × tileCols sums stays in registers.
	tileRows, tileCols = 4, 4
	// depth is how far a packed panel goes along k: a panel of b, 4·256
	// elements, and one of a fit the first-level cache together.
	depth = 256
	// blockRows is how many rows of a are packed at a time, to stay in the
	// second-level cache.
	blockRows = 128
	// blockedFrom is the number of multiplications from which packing pays.
	blockedFrom = 48 * 48 * 48
)

// newBlocked gives a multiplication for large matrices, with the memory that it
// packs into: panels of tileRows rows of a and of tileCols columns of b, each
// laid out in the order in which the innermost loop reads it, whatever the
// operands' strides are. The sums of an element are carried through out from
// one stretch of k to the next, so they are taken in order.
func newBlocked[T number](p *product) func(out, a, b []T, p *product) {
	kMax := min(p.k, depth)
	packedA := make([]T, roundUp(min(p.m, blockRows), tileRows)*kMax)
	packedB := make([]T, roundUp(p.n, tileCols)*kMax)
	return func(out, a, b []T, p *product) {
		for k0 := 0; k0 < p.k; k0 += depth {
			kc := min(depth, p.k-k0)
			pack(packedB, b[k0*p.bRow:], p.n, kc, p.bCol, p.bRow)
			for i0 := 0; i0 < p.m; i0 += blockRows {
				rows := min(blockRows, p.m-i0)
				pack(packedA, a[i0*p.aRow+k0*p.aCol:], rows, kc, p.aRow, p.aCol)
				for j := 0; j < p.n; j += tileCols {
					panelB := packedB[j*kc : (j+tileCols)*kc]
					for i := 0; i < rows; i += tileRows {
						panelA := packedA[i*kc : (i+tileRows)*kc]
						multiplyTile(out, panelA, panelB, p, i0+i, j, k0 > 0)
					}
				}
			}
		}
	}
}

// pack lays lines 0 to n-1 of x, each kc long, into panels of four lines:
// panel[4·l + i] is element l of line i. Missing lines are 0.
func pack[T number](panels, x []T, n, kc, line, stride int) {
	for i0 := 0; i0 < n; i0 += 4 {
		panel := panels[i0*kc : (i0+4)*kc]
		for i := range 4 {
			if i0+i >= n {
				for l := range kc {
					panel[4*l+i] = 0
				}
				continue
			}
			at := (i0 + i) * line
			for l := range kc {
				panel[4*l+i] = x[at]
				at += stride
			}
		}
	}
}

// multiplyTile computes up to 4 × 4 elements of out from place (i, j) on, in
// two halves: eight sums are what fits into registers beside the operands.
func multiplyTile[T number](out, a, b []T, p *product, i, j int, more bool) {
	rows, cols := min(tileRows, p.m-i), min(tileCols, p.n-j)
	var t [tileRows][tileCols]T
	if more {
		for r := range rows {
			copy(t[r][:cols], out[(i+r)*p.n+j:])
		}
	}
	halfTile(&t[0], &t[1], a, b)
	if rows > 2 {
		halfTile(&t[2], &t[3], a[2:], b)
	}
	for r := range rows {
		copy(out[(i+r)*p.n+j:(i+r)*p.n+j+cols], t[r][:cols])
	}
}

// halfTile adds two rows of a tile, from panels of four.
func halfTile[T number](t0, t1 *[tileCols]T, a, b []T) {
	s00, s01, s02, s03 := t0[0], t0[1], t0[2], t0[3]
	s10, s11, s12, s13 := t1[0], t1[1], t1[2], t1[3]
	for len(a) >= 2 && len(b) >= 4 {
		x0, x1 := a[0], a[1]
		y := b[0]
		s00 += x0 * y
		s10 += x1 * y
		y = b[1]
		s01 += x0 * y
		s11 += x1 * y
		y = b[2]
		s02 += x0 * y
		s12 += x1 * y
		y = b[3]
		s03 += x0 * y
		s13 += x1 * y
		b = b[4:]
		a = a[min(4, len(a)):]
	}
	t0[0], t0[1], t0[2], t0[3] = s00, s01, s02, s03
	t1[0], t1[1], t1[2], t1[3] = s10, s11, s12, s13
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
