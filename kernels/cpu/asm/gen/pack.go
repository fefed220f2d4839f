package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func packing(c *build.Context) {
	for _, set := range []func(*build.Context, string) *vectors{avx512, avx2} {
		for _, count := range []int{1, 2} {
			copyRows(c, set(c, "F32"), count)
		}
	}
	transposeF32(c)
	transposeF64(c)
}

// load loads a field of an argument.
func (a *argument) load(c *build.Context, name string) reg.GPVirtual {
	r := c.GP64()
	c.MOVQ(a.field(name), r)
	return r
}

// copyRows writes the copy of rows of count vectors. The copy's rows are whole vectors.
func copyRows(c *build.Context, v *vectors, count int) {
	name := fmt.Sprintf("copyRows%sv%d", v.set, count)
	args := function(c, name, "x", "Copy")
	c.Doc(fmt.Sprintf("%s copies rows of %d bytes, but of the last %d only what the mask says.", name, count*v.bytes, v.bytes))
	from, to, rows := args.load(c, "From"), args.load(c, "To"), args.load(c, "Rows")
	fromRow, toRow := args.load(c, "FromRow"), args.load(c, "ToRow")
	mask := v.mask(args.field(v.maskField))
	row := make([]reg.VecVirtual, count)
	for j := range row {
		row[j] = v.register()
	}
	c.Label("row")
	for j, r := range row {
		at := operand.Mem{Base: from, Disp: j * v.bytes}
		if j == count-1 {
			v.loadMasked(at, mask, r)
		} else {
			v.load(at, r)
		}
	}
	for j, r := range row {
		v.store(r, operand.Mem{Base: to, Disp: j * v.bytes})
	}
	c.ADDQ(fromRow, from)
	c.ADDQ(toRow, to)
	c.DECQ(rows)
	c.JNZ(operand.LabelRef("row"))
	c.VZEROUPPER()
	c.RET()
}

// squares writes the loop of a transposition around square, which loads n rows from
// places eight bytes times their length apart and stores them transposed. Wider vectors
// have no faster shuffles, so AVX2 serves every set.
func squares(c *build.Context, name string, n, bytes int, square func(from, to []operand.Mem)) {
	args := function(c, name, "x", "Transpose")
	c.Doc(fmt.Sprintf("%s transposes squares of %d × %d.", name, n, n))
	from, to, count := args.load(c, "From"), args.load(c, "To"), args.load(c, "Count")
	fromRow, toRow := args.load(c, "FromRow"), args.load(c, "ToRow")
	fromRow3, toRow3 := c.GP64(), c.GP64()
	c.LEAQ(operand.Mem{Base: fromRow, Index: fromRow, Scale: 2}, fromRow3)
	c.LEAQ(operand.Mem{Base: toRow, Index: toRow, Scale: 2}, toRow3)
	rows := func(first, row, row3 reg.GPVirtual) []operand.Mem {
		var at []operand.Mem
		for i := 0; i < n; i += 4 {
			base := first
			if i > 0 {
				base = c.GP64()
				c.LEAQ(operand.Mem{Base: first, Index: row, Scale: 4}, base)
			}
			at = append(at, operand.Mem{Base: base}, operand.Mem{Base: base, Index: row, Scale: 1},
				operand.Mem{Base: base, Index: row, Scale: 2}, operand.Mem{Base: base, Index: row3, Scale: 1})
		}
		return at
	}
	c.Label("square")
	square(rows(from, fromRow, fromRow3), rows(to, toRow, toRow3))
	c.ADDQ(operand.Imm(uint64(n*bytes)), from)
	for range n / 4 {
		c.LEAQ(operand.Mem{Base: to, Index: toRow, Scale: 4}, to)
	}
	c.DECQ(count)
	c.JNZ(operand.LabelRef("square"))
	c.VZEROUPPER()
	c.RET()
}

// ymms are n registers.
func ymms(c *build.Context, n int) []reg.VecVirtual {
	r := make([]reg.VecVirtual, n)
	for i := range r {
		r[i] = c.YMM()
	}
	return r
}

// transposeF32 pairs rows i and i+4 by halves when they are loaded; then pairs, and pairs
// of pairs, are interleaved within halves.
func transposeF32(c *build.Context) {
	squares(c, "transposeF32AVX2", 8, 4, func(from, to []operand.Mem) {
		low, high := ymms(c, 4), ymms(c, 4) // columns 0 to 3, and 4 to 7
		for i := range 4 {
			second := from[i+4]
			c.VMOVUPS(from[i], low[i].AsX())
			c.VINSERTF128(operand.Imm(1), second, low[i], low[i])
			c.VMOVUPS(from[i].Offset(16), high[i].AsX())
			c.VINSERTF128(operand.Imm(1), second.Offset(16), high[i], high[i])
		}
		for half, r := range [][]reg.VecVirtual{low, high} {
			pairs, out := ymms(c, 4), ymms(c, 4)
			c.VUNPCKLPS(r[1], r[0], pairs[0])
			c.VUNPCKHPS(r[1], r[0], pairs[1])
			c.VUNPCKLPS(r[3], r[2], pairs[2])
			c.VUNPCKHPS(r[3], r[2], pairs[3])
			c.VUNPCKLPD(pairs[2], pairs[0], out[0])
			c.VUNPCKHPD(pairs[2], pairs[0], out[1])
			c.VUNPCKLPD(pairs[3], pairs[1], out[2])
			c.VUNPCKHPD(pairs[3], pairs[1], out[3])
			for i, v := range out {
				c.VMOVUPS(v, to[4*half+i])
			}
		}
	})
}

func transposeF64(c *build.Context) {
	squares(c, "transposeF64AVX2", 4, 8, func(from, to []operand.Mem) {
		low, high := ymms(c, 2), ymms(c, 2) // columns 0 and 1, and 2 and 3
		for i := range 2 {
			second := from[i+2]
			c.VMOVUPD(from[i], low[i].AsX())
			c.VINSERTF128(operand.Imm(1), second, low[i], low[i])
			c.VMOVUPD(from[i].Offset(16), high[i].AsX())
			c.VINSERTF128(operand.Imm(1), second.Offset(16), high[i], high[i])
		}
		for half, r := range [][]reg.VecVirtual{low, high} {
			out := ymms(c, 2)
			c.VUNPCKLPD(r[1], r[0], out[0])
			c.VUNPCKHPD(r[1], r[0], out[1])
			for i, v := range out {
				c.VMOVUPD(v, to[2*half+i])
			}
		}
	})
}
