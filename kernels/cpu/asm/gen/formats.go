package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The formats: floats as they are, f32 in lanes of f64, bools as masks, the storage
// formats in lanes of f32.
var (
	f32Lanes = storage{4, loadPS, storePS}
	f64Lanes = storage{8, loadPD, storePD}
	f32Wide  = storage{4, loadWide, storeWide}
	boolMask = storage{1, loadMask, storeMask}
	f16Lanes = storage{2, loadF16, storeF16}
	bf16Lane = storage{2, loadBF16, storeBF16}
)

func loadPS(l *lanes, from operand.Mem, mask vec) vec {
	to := l.register()
	switch {
	case mask == nil:
		l.VMOVUPS(from, to)
	case l.wide():
		l.VMOVUPS_Z(from, mask, to)
	default:
		l.VMASKMOVPS(from, mask, to)
	}
	return to
}

func storePS(l *lanes, v, mask vec, to operand.Mem) {
	if v = l.load(v); mask != nil {
		l.VMOVUPS(v, mask, to)
	} else {
		l.VMOVUPS(v, to)
	}
}

func loadPD(l *lanes, from operand.Mem, mask vec) vec {
	to := l.register()
	if mask != nil {
		l.VMOVUPD_Z(from, mask, to)
	} else {
		l.VMOVUPD(from, to)
	}
	return to
}

func storePD(l *lanes, v, mask vec, to operand.Mem) {
	if v = l.load(v); mask != nil {
		l.VMOVUPD(v, mask, to)
	} else {
		l.VMOVUPD(v, to)
	}
}

func loadWide(l *lanes, from operand.Mem, mask vec) vec {
	to := l.register()
	switch {
	case mask == nil:
		l.VCVTPS2PD(from, to)
	case l.wide():
		l.VCVTPS2PD_Z(from, mask, to)
	default:
		half := l.half()
		l.VMASKMOVPS(from, mask, half)
		l.VCVTPS2PD(half, to)
	}
	return to
}

func storeWide(l *lanes, v, mask vec, to operand.Mem) {
	half := l.half()
	if l.wide() {
		l.VCVTPD2PS(v, half)
	} else {
		l.VCVTPD2PSY(v, half)
	}
	switch {
	case mask == nil:
		l.VMOVUPS(half, to)
	case l.wide():
		l.VMOVUPS(half, mask, to)
	default:
		l.VMASKMOVPS(half, mask, to)
	}
}

// loadMask gives lanes of f32 a mask: which bytes aren't 0.
func loadMask(l *lanes, from operand.Mem, mask vec) vec {
	if l.wide() {
		bytes, k := l.XMM(), l.K()
		if mask != nil {
			l.VMOVDQU8_Z(from, mask, bytes)
		} else {
			l.VMOVDQU8(from, bytes)
		}
		l.VPTESTMB(bytes, bytes, k)
		return k
	}
	v, zero := l.YMM(), l.YMM()
	l.VPMOVZXBD(from, v)
	l.VPXOR(zero, zero, zero)
	l.VPCMPGTD(zero, v, v)
	return v
}

func storeMask(l *lanes, v, mask vec, to operand.Mem) {
	if l.wide() {
		bytes := l.XMM()
		l.VMOVDQU8_Z(l.ones8(), v, bytes)
		if mask != nil {
			l.VMOVDQU8(bytes, mask, to)
		} else {
			l.VMOVDQU8(bytes, to)
		}
		return
	}
	high, low := l.XMM(), l.XMM()
	l.VEXTRACTI128(operand.Imm(1), v, high)
	l.VPACKSSDW(high, v.(reg.Vec).AsX(), low)
	l.VPACKSSWB(low, low, low)
	l.VPAND(l.ones8(), low, low)
	l.VMOVQ(low, to)
}

// ones8 are 16 bytes of 1.
func (l *lanes) ones8() operand.Mem {
	double := l.double
	l.double = false
	defer func() { l.double = double }()
	return l.memory(constant{bits: 0x01010101})
}

func loadF16(l *lanes, from operand.Mem, mask vec) vec {
	to := l.register()
	if mask != nil {
		l.VCVTPH2PS_Z(from, mask, to)
	} else {
		l.VCVTPH2PS(from, to)
	}
	return to
}

// storeF16 makes one NaN of each sign.
func storeF16(l *lanes, v, mask vec, to operand.Mem) {
	v = l.choose(l.compare(v, unordered, v), l.or(l.sign(v), bits(0x7fc00000)), v)
	if mask != nil {
		l.VCVTPS2PH(operand.Imm(0), v, mask, to)
	} else {
		l.VCVTPS2PH(operand.Imm(0), v, to)
	}
}

func loadBF16(l *lanes, from operand.Mem, mask vec) vec {
	to := l.register()
	if mask != nil {
		l.VPMOVZXWD_Z(from, mask, to)
	} else {
		l.VPMOVZXWD(from, to)
	}
	return l.left(to, 16)
}

func storeBF16(l *lanes, v, mask vec, to operand.Mem) {
	top := l.right(v, 16)
	rounded := l.right(l.plus(l.plus(v, bits(0x7fff)), l.and(top, bits(1))), 16)
	rounded = l.choose(l.compare(v, unordered, v), l.or(top, bits(0x40)), rounded)
	if l.wide() {
		if mask != nil {
			l.VPMOVDW(rounded, mask, to)
		} else {
			l.VPMOVDW(rounded, to)
		}
		return
	}
	high, low := l.XMM(), l.XMM()
	l.VEXTRACTI128(operand.Imm(1), rounded, high)
	l.VPACKUSDW(high, rounded.(reg.Vec).AsX(), low)
	l.VMOVDQU(low, to)
}
