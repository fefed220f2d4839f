package cpu

import (
	"unsafe"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// gatheredTiles multiplies packed panels of lines by rows of the other factor, with the
// functions that matrix products are made of. Sums are carried through out, which holds
// them from one stretch to the next.
type gatheredTiles[T float] struct {
	*tiler
	lines int // of a block
	apart []T // a panel of sums that don't lie side by side in out, and are added to it one by one
}

// newGatheredTiles is for sums of which up to deep products are packed. It gives nil if
// there is no assembly.
func newGatheredTiles[T float](deep int) *gatheredTiles[T] {
	size := int(unsafe.Sizeof(*new(T)))
	f := asm.ProductsOf(asm.Chosen, size)
	if f == nil {
		return nil
	}
	wide := 2 * f.Lane
	return &gatheredTiles[T]{lines: tileColumns / size, apart: alignedSlice[T](otherLines * wide),
		tiler: &tiler{tiled: &tiled{f: f, size: size, packB: true, wide: wide, deep: deep, aCol: 1}}}
}

// multiplyTiles adds the product of a stretch of all rows of other with the lines that are
// packed to out.
func (c *contraction[T]) multiplyTiles(out, other []T, wide int) {
	w, deep := c.tiles, c.deep
	together := c.ofSum[deep-1]-c.ofSum[0] == deep-1
	for r0 := 0; r0 < c.rows; r0 += otherLines {
		rows := min(otherLines, c.rows-r0)
		a := unsafe.Pointer(&other[r0*c.rowOfOther+c.ofSum[0]])
		w.aRow = c.rowOfOther
		if !together {
			for i := range rows {
				row, packed := other[(r0+i)*c.rowOfOther:], c.other[i*deep:(i+1)*deep]
				for l, at := range c.ofSum[:deep] {
					packed[l] = row[at]
				}
			}
			a, w.aRow = unsafe.Pointer(&c.other[0]), deep
		}
		for j := 0; j < wide; j += w.wide {
			at := c.ofLine[j:min(j+w.wide, wide)]
			if rest := len(at) % w.f.Lane; rest > 0 {
				w.tile.Only(rest, w.size)
				w.last = w.tile.Mask
			}
			panel := unsafe.Pointer(&c.gathered[j*deep])
			to := out[r0*c.rowOfOut+at[0]:]
			if at[len(at)-1]-at[0] == len(at)-1 {
				w.tile.CRow = c.rowOfOut * w.size
				w.block(unsafe.Pointer(&to[0]), a, panel, rows, len(at), deep, w.wide, 0, true)
				continue
			}
			w.tile.CRow = w.wide * w.size
			w.addApart(to, c.rowOfOut, at, a, panel, rows, deep)
		}
	}
}

// addApart is a panel's product where lines lie at apart places of out: the sums are
// fetched before and put back after.
func (w *gatheredTiles[T]) addApart(out []T, rowOfOut int, at []int, a, panel unsafe.Pointer, rows, deep int) {
	for r := range rows {
		for e, to := range at {
			w.apart[r*w.wide+e] = out[r*rowOfOut+to-at[0]]
		}
	}
	w.block(unsafe.Pointer(&w.apart[0]), a, panel, rows, len(at), deep, w.wide, 0, true)
	for r := range rows {
		for e, to := range at {
			out[r*rowOfOut+to-at[0]] = w.apart[r*w.wide+e]
		}
	}
}
