package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors are the instructions of an instruction set on vectors of one dtype. Masked
// forms leave out the elements beyond the mask: they load 0 for them, and don't touch
// their memory.
type vectors struct {
	set, dtype string
	bytes      int // of a vector
	element    int // bytes of an element

	register  func() reg.VecVirtual
	zero      func(v operand.Op)
	load      func(from, to operand.Op)
	store     func(from, to operand.Op)
	broadcast func(from, to operand.Op)
	add       func(x, y, to operand.Op)
	fma       func(x, y, sum operand.Op) // sum += x · y

	maskField   string                          // which of an argument's fields mask loads
	mask        func(at operand.Mem) operand.Op // loads a mask
	loadMasked  func(from, mask, to operand.Op)
	storeMasked func(from, mask, to operand.Op)
	fmaOf       func(from operand.Mem, x, sum operand.Op) // sum += x · an element in memory; nil if there is none
}

// avx512 are vectors of 64 bytes.
func avx512(c *build.Context, dtype string) *vectors {
	v := &vectors{set: "AVX512", dtype: dtype, bytes: 64, register: c.ZMM, maskField: "Mask",
		zero: func(v operand.Op) { c.VPXORD(v, v, v) },
		mask: func(at operand.Mem) operand.Op {
			k := c.K()
			c.KMOVW(at, k)
			return k
		}}
	if dtype == "F32" {
		v.element = 4
		v.load, v.store = func(from, to operand.Op) { c.VMOVUPS(from, to) }, func(from, to operand.Op) { c.VMOVUPS(from, to) }
		v.loadMasked = func(from, mask, to operand.Op) { c.VMOVUPS_Z(from, mask, to) }
		v.storeMasked = func(from, mask, to operand.Op) { c.VMOVUPS(from, mask, to) }
		v.broadcast = func(from, to operand.Op) { c.VBROADCASTSS(from, to) }
		v.fma = func(x, y, sum operand.Op) { c.VFMADD231PS(x, y, sum) }
		v.fmaOf = func(from operand.Mem, x, sum operand.Op) { c.VFMADD231PS_BCST(from, x, sum) }
		return v
	}
	v.element = 8
	v.load, v.store = func(from, to operand.Op) { c.VMOVUPD(from, to) }, func(from, to operand.Op) { c.VMOVUPD(from, to) }
	v.loadMasked = func(from, mask, to operand.Op) { c.VMOVUPD_Z(from, mask, to) }
	v.storeMasked = func(from, mask, to operand.Op) { c.VMOVUPD(from, mask, to) }
	v.broadcast = func(from, to operand.Op) { c.VBROADCASTSD(from, to) }
	v.fma = func(x, y, sum operand.Op) { c.VFMADD231PD(x, y, sum) }
	v.fmaOf = func(from operand.Mem, x, sum operand.Op) { c.VFMADD231PD_BCST(from, x, sum) }
	return v
}

// avx2 are vectors of 32 bytes.
func avx2(c *build.Context, dtype string) *vectors {
	v := &vectors{set: "AVX2", dtype: dtype, bytes: 32, register: c.YMM, maskField: "Lanes",
		zero: func(v operand.Op) { c.VXORPS(v, v, v) },
		mask: func(at operand.Mem) operand.Op {
			m := c.YMM()
			c.VMOVDQU(at, m)
			return m
		}}
	if dtype == "F32" {
		v.element = 4
		v.load, v.store = func(from, to operand.Op) { c.VMOVUPS(from, to) }, func(from, to operand.Op) { c.VMOVUPS(from, to) }
		v.loadMasked = func(from, mask, to operand.Op) { c.VMASKMOVPS(from, mask, to) }
		v.storeMasked = func(from, mask, to operand.Op) { c.VMASKMOVPS(from, mask, to) }
		v.broadcast = func(from, to operand.Op) { c.VBROADCASTSS(from, to) }
		v.fma = func(x, y, sum operand.Op) { c.VFMADD231PS(x, y, sum) }
		return v
	}
	v.element = 8
	v.load, v.store = func(from, to operand.Op) { c.VMOVUPD(from, to) }, func(from, to operand.Op) { c.VMOVUPD(from, to) }
	v.loadMasked = func(from, mask, to operand.Op) { c.VMASKMOVPD(from, mask, to) }
	v.storeMasked = func(from, mask, to operand.Op) { c.VMASKMOVPD(from, mask, to) }
	v.broadcast = func(from, to operand.Op) { c.VBROADCASTSD(from, to) }
	v.fma = func(x, y, sum operand.Op) { c.VFMADD231PD(x, y, sum) }
	return v
}
