package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fold is a function over a row of f32 that gives one number: several partial results, a
// vector each, to which vectors of the row are joined in turn, and then one another. The
// order depends on the row's length alone.
type fold struct {
	*lanes
	name, doc string
	in        storage
	out       bool // whether what it computes of each element is stored as well
	args      int
	partials  int
	start     vec
	// element is what becomes of an element; in lanes that are left out it doesn't matter.
	element func(x vec, args []vec) vec
	join    string // add, max or min
	nan     bool   // whether a NaN in the row is the result
}

func (f *fold) write() {
	c := f.Context
	name := identifier(f.name) + f.set
	form := "Fold"
	signature := "func(x *byte, n int, args *float64) float64"
	if f.out {
		form, signature = "FoldTo", "func(out, x *byte, n int, args *float64) float64"
	}
	f.written[form] = append(f.written[form], f.name)
	c.Function(name)
	c.Attributes(build.NOSPLIT)
	c.SignatureExpr(signature)
	c.Pragma("noescape")
	c.Doc(name + " " + f.doc)

	n := c.Load(c.Param("n"), c.GP64()).(reg.GPVirtual)
	streams := []*stream{{storage: f.in, at: c.Load(c.Param("x"), c.GP64()).(reg.GPVirtual)}}
	if f.out {
		streams = append(streams, &stream{storage: f.in, at: c.Load(c.Param("out"), c.GP64()).(reg.GPVirtual)})
	}
	var args []vec
	if f.args > 0 {
		from := c.Load(c.Param("args"), c.GP64())
		for i := range f.args {
			v := f.register()
			c.VBROADCASTSD(operand.Mem{Base: from, Disp: 8 * i}, v)
			args = append(args, v)
		}
	}
	partials := make([]reg.VecVirtual, f.partials)
	for i := range partials {
		partials[i] = f.copied(f.start).(reg.VecVirtual)
	}
	var seen vec
	if f.nan {
		seen = f.noMask()
	}
	vectors := func(count int, mask, lanes vec) {
		for i := range count {
			x := f.in.load(f.lanes, streams[0].place(f.lanes, i), mask)
			if f.nan {
				f.orMask(f.compare(x, unordered, x), seen)
			}
			v := f.element(x, args)
			if f.out {
				f.in.store(f.lanes, v, mask, streams[1].place(f.lanes, i))
			}
			if lanes != nil {
				v = f.choose(lanes, v, f.start)
			}
			f.combine(partials[i], v, partials[i])
		}
	}
	f.over(n, streams, f.partials, vectors)
	for len(partials) > 1 {
		half := len(partials) / 2
		for i := range half {
			f.combine(partials[i], partials[i+half], partials[i])
		}
		partials = partials[:half]
	}
	f.result(f.across(partials[0]), seen)
}

// over writes the loops of a fold, whose rest is masked in both instruction sets.
func (f *fold) over(n reg.GPVirtual, streams []*stream, several int, vectors func(count int, mask, lanes vec)) {
	c, count := f.Context, f.count()
	again := func(label, next string, times int) {
		c.Label(label)
		c.CMPQ(n, operand.Imm(uint64(times*count)))
		c.JL(operand.LabelRef(next))
		vectors(times, nil, nil)
		for _, s := range streams {
			s.advance(f.lanes, times)
		}
		c.SUBQ(operand.Imm(uint64(times*count)), n)
		c.JMP(operand.LabelRef(label))
	}
	if several > 1 {
		again("several", "one", several)
	}
	again("one", "rest", 1)
	c.Label("rest")
	c.TESTQ(n, n)
	c.JZ(operand.LabelRef("end"))
	if f.wide() {
		k := f.first(n)
		vectors(1, k, k)
	} else {
		mask, lanes := f.firstLanes(n)
		vectors(1, mask, lanes)
	}
	c.Label("end")
}

// firstLanes are AVX2's masks of the first n elements: for f32 in memory, and for the lanes.
func (l *lanes) firstLanes(n reg.GPVirtual) (memory, lanes vec) {
	const name = "firstOf8"
	if !l.known[name] {
		l.known[name] = true
		l.StaticGlobal(name)
		l.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 16 {
			v := operand.U32(0)
			if i < 8 {
				v = math.MaxUint32
			}
			l.AddDatum(4*i, v)
		}
	}
	end, back := l.GP64(), l.GP64()
	l.LEAQ(operand.NewDataAddr(operand.NewStaticSymbol(name), 32), end)
	l.MOVQ(n, back)
	l.NEGQ(back)
	from := operand.Mem{Base: end, Index: back, Scale: 4}
	if !l.double {
		m := l.YMM()
		l.VMOVDQU(from, m)
		return m, m
	}
	m, wide := l.XMM(), l.YMM()
	l.VMOVDQU(from, m)
	l.VPMOVSXDQ(m, wide)
	return m, wide
}

// noMask is an empty mask to which orMask adds.
func (l *lanes) noMask() vec {
	if l.wide() {
		k := l.K()
		l.KXORW(k, k, k)
		return k
	}
	v := l.YMM()
	l.VXORPS(v, v, v)
	return v
}

func (l *lanes) orMask(more, to vec) {
	if l.wide() {
		l.KORW(more, to, to)
	} else {
		l.VORPS(more, to, to)
	}
}

// combine joins two registers of any size.
func (f *fold) combine(a, b, to vec) {
	switch {
	case f.join == "add" && f.double:
		f.VADDPD(b, a, to)
	case f.join == "max" && !f.double:
		f.VMAXPS(b, a, to)
	case f.join == "min" && !f.double:
		f.VMINPS(b, a, to)
	default:
		panic("no such fold: " + f.join)
	}
}

// across joins the lanes of a vector, halves at a time, into its first one.
func (f *fold) across(v reg.VecVirtual) reg.VecVirtual {
	c := f.Context
	if f.wide() {
		high, sum := c.YMM(), c.YMM()
		c.VEXTRACTF64X4(operand.Imm(1), v, high)
		f.combine(v.AsY(), high, sum)
		v = sum
	}
	high, sum := c.XMM(), c.XMM()
	c.VEXTRACTF128(operand.Imm(1), v, high)
	f.combine(v.AsX(), high, sum)
	orders := []uint64{0b1110} // the upper two of four to the lower two
	if !f.double {
		orders = append(orders, 0b01)
	}
	for _, order := range orders {
		c.VPERMILPS(operand.Imm(order), sum, high)
		f.combine(sum, high, sum)
	}
	return sum
}

// result returns the first lane as f64, or NaN if one was seen.
func (f *fold) result(x reg.VecVirtual, seen vec) {
	c := f.Context
	if !f.double {
		c.VCVTSS2SD(x, x, x)
	}
	if f.nan {
		any := c.GP32()
		if f.wide() {
			c.KMOVW(seen, any)
		} else {
			c.VMOVMSKPS(seen, any)
		}
		c.TESTL(any, any)
		c.JZ(operand.LabelRef("noNaN"))
		double := *f.lanes
		double.double = true
		c.VMOVSD(double.memory(c64(math.NaN()).(constant)), x)
		c.Label("noNaN")
	}
	c.VZEROUPPER()
	c.Store(x, c.ReturnIndex(0))
	c.RET()
}

// folds are sums, in f64, and extremes.
func (l *lanes) folds() {
	single := *l
	single.double = false
	f := func(name, doc string, args int, element func(x vec, args []vec) vec) fold {
		return fold{lanes: l, name: name + "F32", doc: doc, in: f32Wide, args: args, partials: 4, start: c64(0), element: element, join: "add"}
	}
	itself := func(x vec, _ []vec) vec { return x }
	sum := f("sum", "gives the sum of the elements.", 0, itself)
	sum.write()
	squares := f("squares", "gives the sum of the squares of the elements less args[0].", 1, func(x vec, args []vec) vec {
		e := l.sub(x, args[0])
		return l.mul(e, e)
	})
	squares.write()
	exps := f("exps", "gives the sum of e^(x - args[0]).", 1, func(x vec, args []vec) vec { return l.exp(l.sub(x, args[0])) })
	exps.partials = 1 // the sum waits for nothing, beside all else
	exps.write()
	exps.name, exps.doc, exps.out = "softF32", "gives the sum of e^(x - args[0]), and stores them.", true
	exps.write()
	most := f("max", "gives the largest element, NaN if one is.", 0, itself)
	most.lanes, most.in, most.join, most.nan, most.start = &single, f32Lanes, "max", true, c32(float32(math.Inf(-1)))
	most.write()
	most.name, most.doc, most.join, most.start = "minF32", "gives the smallest element, NaN if one is.", "min", c32(float32(math.Inf(1)))
	most.write()
}

// scaled are what comes after folds, element by element.
func (l *lanes) scaled() {
	r := row{lanes: l, name: "scaleF32", doc: "computes x · args[0].", ins: []storage{f32Wide}, out: f32Wide, args: 1, whole: 2}
	r.write(func(in, args []vec) vec { return l.mul(in[0], args[0]) })
	r = row{lanes: l, name: "shiftF32", doc: "computes x - args[0] - args[1].", ins: []storage{f32Wide}, out: f32Wide, args: 2, whole: 2}
	r.write(func(in, args []vec) vec { return l.sub(l.sub(in[0], args[0]), args[1]) })
	r = row{lanes: l, name: "normF32", doc: "computes (x - args[0]) · args[1] · b + c.", ins: []storage{f32Wide, f32Wide, f32Wide}, out: f32Wide, args: 2, whole: 1}
	r.write(func(in, args []vec) vec {
		return l.add(l.mul(l.mul(l.sub(in[0], args[0]), args[1]), in[1]), in[2])
	})
	r = row{lanes: l, name: "rmsF32", doc: "computes a · args[0] · b.", ins: []storage{f32Wide, f32Wide}, out: f32Wide, args: 1, whole: 1}
	r.write(func(in, args []vec) vec { return l.mul(l.mul(in[0], args[0]), in[1]) })
	r = row{lanes: l, name: "sumsF32", doc: "adds b, of f32, to a, of f64.", ins: []storage{f64Lanes, f32Wide}, steps: true, out: f64Lanes, whole: 2}
	r.write(func(in, _ []vec) vec { return l.add(in[0], in[1]) })
}
