package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Storage says how elements in memory become lanes and back.
type storage struct {
	size  int // bytes of an element
	load  func(l *lanes, from operand.Mem, mask vec) vec
	store func(l *lanes, v vec, mask vec, to operand.Mem)
}

// stream is a row of elements in memory. Where step is 0, the row is one vector that is
// read again and again.
type stream struct {
	storage
	at   reg.GPVirtual
	step reg.GPVirtual // bytes to the next vector; nil where that is constant
	park operand.Mem   // memory on the stack: of a vector
}

// vector is the size of a vector's elements in memory.
func (s *stream) vector(l *lanes) int { return s.size * l.count() }

// place is that of the vector after i others.
func (s *stream) place(l *lanes, i int) operand.Mem {
	switch {
	case s.step == nil:
		return operand.Mem{Base: s.at, Disp: i * s.vector(l)}
	case i == 0:
		return operand.Mem{Base: s.at}
	}
	return operand.Mem{Base: s.at, Index: s.step, Scale: uint8(i)}
}

func (s *stream) advance(l *lanes, vectors int) {
	if s.step == nil {
		l.ADDQ(operand.U32(vectors*s.vector(l)), s.at)
		return
	}
	for range vectors {
		l.ADDQ(s.step, s.at)
	}
}

// row is a function over a row of elements.
type row struct {
	*lanes
	name  string // the kernel's, with a dtype; what the table has
	doc   string
	ins   []storage
	steps bool    // whether each input may be one element, in place of a row
	out   storage // without a size: there is none
	args  int     // how many numbers of f64 it takes besides
	whole int     // how many vectors at a time
}

// form is the type that the function has in Go.
func (r *row) form() string {
	switch {
	case r.args > 0:
		return []string{"UnaryOf", "BinaryOf", "TernaryOf"}[len(r.ins)-1]
	case len(r.ins) == 1:
		return "Unary"
	case len(r.ins) == 2:
		return "Binary"
	}
	return "Ternary"
}

var operandNames = []string{"a", "b", "c"}

// signature is that of row functions. Elements are bytes there, so that functions of one
// form are of one type.
func (r *row) signature() string {
	names := "x"
	if len(r.ins) > 1 {
		names = "a, b"
	}
	if len(r.ins) > 2 {
		names = "a, b, c"
	}
	s := fmt.Sprintf("func(out, %s *byte, n int", names)
	if r.steps {
		for _, name := range operandNames[:len(r.ins)] {
			s += ", " + name + "Step"
		}
		s += " int"
	}
	if r.args > 0 {
		s += ", args *float64"
	}
	return s + ")"
}

// identifier is a kernel's name as Go has names.
func identifier(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// write writes the function whose elements are what f makes of the inputs' elements.
func (r *row) write(f func(in, args []vec) vec) {
	c := r.Context
	r.written[r.form()] = append(r.written[r.form()], r.name)
	name := identifier(r.name) + r.set
	c.Function(name)
	c.Attributes(build.NOSPLIT)
	c.SignatureExpr(r.signature())
	c.Pragma("noescape")
	c.Doc(name + " " + r.doc)

	n := c.Load(c.Param("n"), c.GP64()).(reg.GPVirtual)
	out := &stream{storage: r.out, at: c.Load(c.Param("out"), c.GP64()).(reg.GPVirtual)}
	var ins []*stream
	for i, in := range r.ins {
		name := operandNames[i]
		if len(r.ins) == 1 {
			name = "x"
		}
		s := &stream{storage: in, at: c.Load(c.Param(name), c.GP64()).(reg.GPVirtual)}
		if r.steps {
			s.step = c.Load(c.Param(name+"Step"), c.GP64()).(reg.GPVirtual)
			r.spread(s, name)
		}
		ins = append(ins, s)
	}
	var args []vec
	if r.args > 0 {
		from := c.Load(c.Param("args"), c.GP64())
		for i := range r.args {
			v := r.register()
			c.VBROADCASTSD(operand.Mem{Base: from, Disp: 8 * i}, v)
			args = append(args, v)
		}
	}
	vectors := func(count int, mask vec) {
		for i := range count {
			var in []vec
			for _, s := range ins {
				in = append(in, s.load(r.lanes, s.place(r.lanes, i), mask))
			}
			out.store(r.lanes, f(in, args), mask, out.place(r.lanes, i))
		}
	}
	r.over(n, append(ins, out), vectors)
	c.VZEROUPPER()
	c.RET()
}

// spread makes a vector of an element that stands for a row.
func (r *row) spread(s *stream, name string) {
	c := r.Context
	full := c.AllocLocal(64)
	c.TESTQ(s.step, s.step)
	c.JNZ(operand.LabelRef(name + "IsARow"))
	switch s.size {
	case 1:
		v := c.XMM()
		c.VPBROADCASTB(operand.Mem{Base: s.at}, v)
		c.VMOVDQU(v, full)
	case 4:
		v := r.register()
		c.VBROADCASTSS(operand.Mem{Base: s.at}, v)
		c.VMOVUPS(v, full)
	case 8:
		v := r.register()
		c.VBROADCASTSD(operand.Mem{Base: s.at}, v)
		c.VMOVUPS(v, full)
	}
	c.LEAQ(full, s.at)
	c.Label(name + "IsARow")
	c.IMUL3Q(operand.Imm(uint64(s.vector(r.lanes))), s.step, s.step)
}

// over writes loops over n elements: whole vectors, several at a time and one at a time,
// and the rest. The rest is masked where the instruction set has masks for all formats;
// else it goes through memory on the stack.
func (r *row) over(n reg.GPVirtual, streams []*stream, vectors func(count int, mask vec)) {
	c, count := r.Context, r.count()
	again := func(label, next string, times int) {
		c.Label(label)
		c.CMPQ(n, operand.Imm(uint64(times*count)))
		c.JL(operand.LabelRef(next))
		vectors(times, nil)
		for _, s := range streams {
			s.advance(r.lanes, times)
		}
		c.SUBQ(operand.Imm(uint64(times*count)), n)
		c.JMP(operand.LabelRef(label))
	}
	if r.whole > 1 {
		again("several", "one", r.whole)
	}
	again("one", "rest", 1)
	c.Label("rest")
	c.TESTQ(n, n)
	c.JZ(operand.LabelRef("end"))
	if r.wide() {
		vectors(1, r.first(n))
	} else {
		r.parked(n, streams, func() { vectors(1, nil) })
	}
	c.Label("end")
}

// first is the mask of the first n lanes.
func (l *lanes) first(n reg.GPVirtual) vec {
	ones, k := l.GP64(), l.K()
	l.MOVQ(operand.U32(0xffff), ones)
	l.BZHIQ(n, ones, ones)
	l.KMOVW(ones.As32(), k)
	return k
}

// parked copies what is left of the inputs to the stack, has it worked on there as a
// whole vector, and copies what counts of the result back. The last stream is the result,
// where it has a size.
func (r *row) parked(n reg.GPVirtual, streams []*stream, work func()) {
	c := r.Context
	ins, out := streams[:len(streams)-1], streams[len(streams)-1]
	for i, s := range ins {
		s.park = c.AllocLocal(32)
		skip := fmt.Sprint("parked", i)
		if s.step != nil { // what is one element is there already
			c.TESTQ(s.step, s.step)
			c.JZ(operand.LabelRef(skip))
		}
		r.copyElements(fmt.Sprint("park", i), n, s.size, operand.Mem{Base: s.at}, s.park)
		c.LEAQ(s.park, s.at)
		c.Label(skip)
	}
	if out.size == 0 {
		work()
		return
	}
	out.park = c.AllocLocal(32)
	to := c.GP64()
	c.MOVQ(out.at, to)
	c.LEAQ(out.park, out.at)
	work()
	r.copyElements("unpark", n, out.size, out.park, operand.Mem{Base: to})
}

func (r *row) copyElements(label string, n reg.GPVirtual, size int, from, to operand.Mem) {
	c, i := r.Context, r.GP64()
	a, b := c.GP64(), c.GP64()
	c.LEAQ(from, a)
	c.LEAQ(to, b)
	c.XORQ(i, i)
	c.Label(label)
	from = operand.Mem{Base: a, Index: i, Scale: uint8(size)}
	to = operand.Mem{Base: b, Index: i, Scale: uint8(size)}
	v := c.GP64()
	switch size {
	case 1:
		c.MOVB(from, v.As8())
		c.MOVB(v.As8(), to)
	case 2:
		c.MOVW(from, v.As16())
		c.MOVW(v.As16(), to)
	case 4:
		c.MOVL(from, v.As32())
		c.MOVL(v.As32(), to)
	case 8:
		c.MOVQ(from, v)
		c.MOVQ(v, to)
	}
	c.INCQ(i)
	c.CMPQ(i, n)
	c.JL(operand.LabelRef(label))
}
