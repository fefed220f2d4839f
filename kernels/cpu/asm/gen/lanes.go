package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes write instructions on vectors of floats for an instruction set, as functions of
// their operands. The operands are registers, and where a method says so constants.
type lanes struct {
	*build.Context
	set     string              // AVX512 or AVX2
	double  bool                // lanes of f64, not f32
	known   map[string]bool     // the constants that the file has
	written map[string][]string // the functions over rows that it has, by form
}

// vec is an operand: a register or a constant.
type vec = operand.Op

// constant is a value in every lane: its bits.
type constant struct {
	operand.Op
	bits uint64
}

func c64(v float64) vec { return constant{bits: math.Float64bits(v)} }
func c32(v float32) vec { return constant{bits: uint64(math.Float32bits(v))} }
func bits(b uint64) vec { return constant{bits: b} }

// sets are the instruction sets, widest first.
var sets = []string{"AVX512", "AVX2"}

func (l *lanes) wide() bool { return l.set == "AVX512" }

// bytes is the size of a vector, count the number of its lanes.
func (l *lanes) bytes() int {
	if l.wide() {
		return 64
	}
	return 32
}

func (l *lanes) size() int {
	if l.double {
		return 8
	}
	return 4
}

func (l *lanes) count() int { return l.bytes() / l.size() }

// register is a new vector register.
func (l *lanes) register() reg.VecVirtual {
	if l.wide() {
		return l.ZMM()
	}
	return l.YMM()
}

// half is a register of half the size.
func (l *lanes) half() reg.VecVirtual {
	if l.wide() {
		return l.YMM()
	}
	return l.XMM()
}

// memory is a constant's place in the file: a vector of AVX2 full of it, which AVX-512
// broadcasts the beginning of.
func (l *lanes) memory(c constant) operand.Mem {
	name := fmt.Sprintf("all%x", c.bits)
	if l.double {
		name = fmt.Sprintf("all%016x", c.bits)
	}
	if !l.known[name] {
		l.known[name] = true
		l.StaticGlobal(name)
		l.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := 0; i < 32; i += l.size() {
			if l.double {
				l.AddDatum(i, operand.U64(c.bits))
			} else {
				l.AddDatum(i, operand.U32(c.bits))
			}
		}
	}
	return operand.NewDataAddr(operand.NewStaticSymbol(name), 0)
}

// load gives a constant a register; other operands it leaves alone.
func (l *lanes) load(v vec) vec {
	c, ok := v.(constant)
	if !ok {
		return v
	}
	to := l.register()
	switch {
	case !l.wide():
		l.VMOVUPS(l.memory(c), to)
	case l.double:
		l.VBROADCASTSD(l.memory(c), to)
	default:
		l.VBROADCASTSS(l.memory(c), to)
	}
	return to
}

type instruction func(ops ...operand.Op)

// last puts an operand that may be a constant in the place where an instruction takes
// memory, broadcast or not.
func (l *lanes) last(plain, broadcast instruction, v vec, others ...operand.Op) {
	c, ok := v.(constant)
	switch {
	case !ok:
		plain(append([]operand.Op{v}, others...)...)
	case l.wide():
		broadcast(append([]operand.Op{l.memory(c)}, others...)...)
	default:
		plain(append([]operand.Op{l.memory(c)}, others...)...)
	}
}

// pick chooses an instruction by the type of the lanes.
func (l *lanes) pick(ps, pd instruction) instruction {
	if l.double {
		return pd
	}
	return ps
}

// Operations of two operands, of which the second may be a constant, and so may the
// first where the operation is commutative.

func (l *lanes) two(a, b vec, ps, pd, psAll, pdAll instruction) vec {
	to := l.register()
	l.last(l.pick(ps, pd), l.pick(psAll, pdAll), b, l.load(a), to)
	return to
}

func (l *lanes) add(a, b vec) vec {
	return l.two(a, b, l.VADDPS, l.VADDPD, l.VADDPS_BCST, l.VADDPD_BCST)
}

func (l *lanes) sub(a, b vec) vec {
	return l.two(a, b, l.VSUBPS, l.VSUBPD, l.VSUBPS_BCST, l.VSUBPD_BCST)
}

func (l *lanes) mul(a, b vec) vec {
	return l.two(a, b, l.VMULPS, l.VMULPD, l.VMULPS_BCST, l.VMULPD_BCST)
}

func (l *lanes) div(a, b vec) vec {
	return l.two(a, b, l.VDIVPS, l.VDIVPD, l.VDIVPS_BCST, l.VDIVPD_BCST)
}

// max and min give b where one operand is NaN or both are 0.
func (l *lanes) max(a, b vec) vec {
	return l.two(a, b, l.VMAXPS, l.VMAXPD, l.VMAXPS_BCST, l.VMAXPD_BCST)
}

func (l *lanes) min(a, b vec) vec {
	return l.two(a, b, l.VMINPS, l.VMINPD, l.VMINPS_BCST, l.VMINPD_BCST)
}

func (l *lanes) and(a, b vec) vec {
	return l.two(a, b, l.VANDPS, l.VANDPD, l.VANDPS_BCST, l.VANDPD_BCST)
}

func (l *lanes) or(a, b vec) vec {
	return l.two(a, b, l.VORPS, l.VORPD, l.VORPS_BCST, l.VORPD_BCST)
}

func (l *lanes) xor(a, b vec) vec {
	return l.two(a, b, l.VXORPS, l.VXORPD, l.VXORPS_BCST, l.VXORPD_BCST)
}

// plus and minus add and subtract integers.
func (l *lanes) plus(a, b vec) vec {
	return l.two(a, b, l.VPADDD, l.VPADDQ, l.VPADDD_BCST, l.VPADDQ_BCST)
}

func (l *lanes) minus(a, b vec) vec {
	return l.two(a, b, l.VPSUBD, l.VPSUBQ, l.VPSUBD_BCST, l.VPSUBQ_BCST)
}

// left and right shift integers.
func (l *lanes) left(a vec, by uint8) vec {
	to := l.register()
	l.pick(l.VPSLLD, l.VPSLLQ)(operand.Imm(uint64(by)), a, to)
	return to
}

func (l *lanes) right(a vec, by uint8) vec {
	to := l.register()
	l.pick(l.VPSRLD, l.VPSRLQ)(operand.Imm(uint64(by)), a, to)
	return to
}

// sqrt takes the square root.
func (l *lanes) sqrt(a vec) vec {
	to := l.register()
	l.pick(l.VSQRTPS, l.VSQRTPD)(a, to)
	return to
}

// copied gives a copy, for an instruction that overwrites it.
func (l *lanes) copied(v vec) vec {
	if _, ok := v.(constant); ok {
		return l.load(v)
	}
	to := l.register()
	l.VMOVAPS(v, to)
	return to
}

// fma is a·b + c, of which c may be a constant; or b, if c is a register.
func (l *lanes) fma(a, b, c vec) vec {
	to := l.copied(a)
	if _, ok := b.(constant); ok {
		l.last(l.pick(l.VFMADD132PS, l.VFMADD132PD), l.pick(l.VFMADD132PS_BCST, l.VFMADD132PD_BCST), b, l.load(c), to)
		return to
	}
	l.last(l.pick(l.VFMADD213PS, l.VFMADD213PD), l.pick(l.VFMADD213PS_BCST, l.VFMADD213PD_BCST), c, b, to)
	return to
}

// fnma is c - a·b, of which b may be a constant.
func (l *lanes) fnma(a, b, c vec) vec {
	to := l.copied(c)
	l.last(l.pick(l.VFNMADD231PS, l.VFNMADD231PD), l.pick(l.VFNMADD231PS_BCST, l.VFNMADD231PD_BCST), b, a, to)
	return to
}

// polynomial is c[0] + c[1]·x + c[2]·x² …
func (l *lanes) polynomial(x vec, c ...float64) vec {
	sum := l.load(c64(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		l.last(l.pick(l.VFMADD213PS, l.VFMADD213PD), l.pick(l.VFMADD213PS_BCST, l.VFMADD213PD_BCST), c64(c[i]), x, sum)
	}
	return sum
}

// Comparisons, by the numbers that the instructions have for them. All but the last are
// false for NaN.
const (
	equal      = 0
	below      = 17
	atMost     = 18
	unordered  = 3
	atLeast    = 29
	above      = 30
	notEqual   = 4  // true for NaN
	notAtLeast = 25 // true for NaN
)

// compare gives a mask: whether a is in that relation to b, which may be a constant.
func (l *lanes) compare(a vec, relation uint8, b vec) vec {
	imm := operand.Imm(uint64(relation))
	if !l.wide() {
		to := l.YMM()
		if c, ok := b.(constant); ok {
			b = l.memory(c)
		}
		if l.double {
			l.VCMPPD(imm, b, l.load(a), to)
		} else {
			l.VCMPPS(imm, b, l.load(a), to)
		}
		return to
	}
	to := l.K()
	if c, ok := b.(constant); ok {
		l.pick(l.VCMPPS_BCST, l.VCMPPD_BCST)(imm, l.memory(c), l.load(a), to)
	} else {
		l.pick(l.VCMPPS, l.VCMPPD)(imm, b, l.load(a), to)
	}
	return to
}

// negative is the mask of the lanes whose highest bit is set.
func (l *lanes) negative(a vec) vec {
	if !l.wide() {
		return a
	}
	to := l.K()
	if l.double {
		l.VPMOVQ2M(a, to)
	} else {
		l.VPMOVD2M(a, to)
	}
	return to
}

// choose is yes, which may be a constant, where the mask is set, and else no.
func (l *lanes) choose(mask, yes, no vec) vec {
	to := l.register()
	c, isConstant := yes.(constant)
	no = l.load(no)
	switch {
	case !l.wide():
		if isConstant {
			yes = l.memory(c)
		}
		if l.double {
			l.VBLENDVPD(mask, yes, no, to)
		} else {
			l.VBLENDVPS(mask, yes, no, to)
		}
	case isConstant:
		l.pick(l.VBLENDMPS_BCST, l.VBLENDMPD_BCST)(l.memory(c), no, mask, to)
	default:
		l.pick(l.VBLENDMPS, l.VBLENDMPD)(yes, no, mask, to)
	}
	return to
}

// sign and magnitude split a number.
func (l *lanes) signBit() vec {
	if l.double {
		return bits(1 << 63)
	}
	return bits(1 << 31)
}

func (l *lanes) sign(a vec) vec { return l.and(a, l.signBit()) }

func (l *lanes) magnitude(a vec) vec {
	if l.double {
		return l.and(a, bits(1<<63-1))
	}
	return l.and(a, bits(1<<31-1))
}
