package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Functions take so many rows of A. The sums of four would take all registers that the
// instructions which join lanes can name.
var dotsRows = map[string]int{"AVX512": 3, "AVX2": 2}

func dots(c *build.Context) {
	for _, dtype := range []string{"F32", "F64"} {
		for _, v := range []*vectors{avx512(c, dtype), avx2(c, dtype)} {
			for rows := 1; rows <= dotsRows[v.set]; rows++ {
				for _, columns := range []int{1, 4} {
					dotsOf(c, v, rows, columns)
				}
			}
		}
	}
}

// dotsOf writes one function. A sum has a lane for each element of a vector; they are
// joined at last, always in the same order.
func dotsOf(c *build.Context, v *vectors, rows, columns int) {
	name := fmt.Sprintf("dots%s%sr%dc%d", v.dtype, v.set, rows, columns)
	args := function(c, name, "x", "Dots")
	c.Doc(fmt.Sprintf("%s multiplies %d rows of A by %d of B at a time.", name, rows, columns))
	b, to, left := args.load(c, "B"), args.load(c, "C"), args.load(c, "Count")
	aRow, bRow := args.load(c, "ARow"), args.load(c, "BRow")
	mask := v.mask(args.field(v.maskField))
	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		for range columns {
			sums[i] = append(sums[i], v.register())
		}
	}
	// places are n rows that lie step apart.
	three := func(step reg.GPVirtual, n int) reg.GPVirtual {
		if n < 4 {
			return nil
		}
		r := c.GP64()
		c.LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, r)
		return r
	}
	aRow3, bRow3 := three(aRow, rows), three(bRow, columns)
	place := func(base, step, step3 reg.GPVirtual, i int) operand.Mem {
		m := operand.Mem{Base: base}
		switch i {
		case 1:
			m.Index, m.Scale = step, 1
		case 2:
			m.Index, m.Scale = step, 2
		case 3:
			m.Index, m.Scale = step3, 1
		}
		return m
	}

	c.Label("columns")
	for i := range sums {
		for _, sum := range sums[i] {
			v.zero(sum)
		}
	}
	a, y, k := args.load(c, "A"), c.GP64(), args.load(c, "Vectors")
	c.MOVQ(b, y)
	multiply := func(load func(at operand.Mem, to reg.VecVirtual)) {
		x := make([]reg.VecVirtual, rows)
		for i := range x {
			x[i] = v.register()
			load(place(a, aRow, aRow3, i), x[i])
		}
		for j := range columns {
			w := v.register()
			load(place(y, bRow, bRow3, j), w)
			for i := range x {
				v.fma(x[i], w, sums[i][j])
			}
		}
	}
	c.TESTQ(k, k)
	c.JZ(operand.LabelRef("rest"))
	c.Label("vectors")
	multiply(func(at operand.Mem, to reg.VecVirtual) { v.load(at, to) })
	c.ADDQ(operand.Imm(uint64(v.bytes)), a)
	c.ADDQ(operand.Imm(uint64(v.bytes)), y)
	c.DECQ(k)
	c.JNZ(operand.LabelRef("vectors"))
	c.Label("rest")
	c.CMPQ(args.field("Rest"), operand.Imm(0))
	c.JE(operand.LabelRef("join"))
	multiply(func(at operand.Mem, to reg.VecVirtual) { v.loadMasked(at, mask, to) })
	c.Label("join")

	row, column := c.GP64(), args.load(c, "CCol")
	c.MOVQ(to, row)
	for i := range sums {
		storeJoined(c, v, sums[i], row, column)
		if i < rows-1 {
			c.ADDQ(args.field("CRow"), row)
		}
	}
	for range columns {
		c.ADDQ(bRow, b)
		c.ADDQ(column, to)
	}
	c.DECQ(left)
	c.JNZ(operand.LabelRef("columns"))
	c.VZEROUPPER()
	c.RET()
}

// storeJoined joins the lanes of one sum, or of four, and stores them column bytes apart.
func storeJoined(c *build.Context, v *vectors, sums []reg.VecVirtual, row, column reg.GPVirtual) {
	half := make([]reg.VecVirtual, len(sums))
	for j, sum := range sums {
		half[j] = c.YMM()
		if v.bytes == 32 {
			half[j] = sum
			continue
		}
		c.VEXTRACTF64X4(operand.Imm(1), sum, half[j])
		if v.dtype == "F32" {
			c.VADDPS(sum.AsY(), half[j], half[j])
		} else {
			c.VADDPD(sum.AsY(), half[j], half[j])
		}
	}
	for len(half) < 4 { // one sum: the others' lanes aren't used
		half = append(half, half[0])
	}
	x, y, high := c.YMM(), c.YMM(), c.XMM()
	at := c.GP64()
	c.MOVQ(row, at)
	if v.dtype == "F32" {
		c.VHADDPS(half[1], half[0], x)
		c.VHADDPS(half[3], half[2], y)
		c.VHADDPS(y, x, x)
		c.VEXTRACTF128(operand.Imm(1), x, high)
		c.VADDPS(high, x.AsX(), x.AsX())
		for j := range sums {
			if j == 0 {
				c.VMOVSS(x.AsX(), operand.Mem{Base: at})
				continue
			}
			c.ADDQ(column, at)
			c.VEXTRACTPS(operand.Imm(uint64(j)), x.AsX(), operand.Mem{Base: at})
		}
		return
	}
	c.VHADDPD(half[1], half[0], x)
	c.VHADDPD(half[3], half[2], y)
	for j := 0; j < len(sums); j += 2 {
		pair := x
		if j == 2 {
			pair = y
		}
		c.VEXTRACTF128(operand.Imm(1), pair, high)
		c.VADDPD(high, pair.AsX(), high)
		c.VMOVLPD(high, operand.Mem{Base: at})
		c.ADDQ(column, at)
		if len(sums) > 1 {
			c.VMOVHPD(high, operand.Mem{Base: at})
			c.ADDQ(column, at)
		}
	}
}
