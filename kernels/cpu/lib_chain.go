package cpu

import "unsafe"

// A fused kernel runs as a chain of strips over blocks of elements that stay in the
// first-level cache: a part's results are in a block of scratch memory until the last
// part that needs them has run. The strips are those of the parts' own kernels, so the
// bits are those of the kernels one by one.

// chainBlock is how many elements are computed at a time.
const chainBlock = 1024

// Fused is a fused kernel, to be bound to memory: parts, which take inputs and results of
// parts before them. The last part's result is the output.
type Fused struct {
	Inputs  []Buffer
	Parts   []Part
	Output  Buffer
	Reduced []int // the shape of the last part's operand, if that is a reduction
}

// Part is a kernel at work in a fused one.
type Part struct {
	Kernel   string
	Operands []Operand
	Scalars  []any
	DType    string // of its result
}

// Operand is what a part takes: input i of the fused kernel, or the result of part i.
type Operand struct {
	Index int
	Part  bool
}

// Bind does what a [Kernel] does.
func (f *Fused) Bind() (run func(), err error) {
	defer caught("fused", &err)
	last := len(f.Parts) - 1
	if forms[f.Parts[last].Kernel].over == nil {
		x := newChain(f, f.Output.Shape, f.Parts)
		x.links[last].to = location{address(f.Output), dtypeSize(f.Output.DType)}
		return x.all, nil
	}
	x := newChain(f, f.Reduced, f.Parts[:last])
	p := &f.Parts[last]
	x.result = x.places[p.Operands[0]]
	a := &Args{kernel: p.Kernel, Scalars: p.Scalars, Output: f.Output,
		Inputs: []Buffer{{DType: f.dtype(p.Operands[0]), Shape: f.Reduced}}}
	return forms[p.Kernel].over(a, x), nil
}

// dtype is that of an operand.
func (f *Fused) dtype(o Operand) string {
	if o.Part {
		return f.Parts[o.Index].DType
	}
	return f.Inputs[o.Index].DType
}

// chain computes elements of elementwise parts.
type chain struct {
	count  int // elements that there are
	spread []*spreadInput
	links  []link
	places map[Operand]location
	result location
	free   map[int][]unsafe.Pointer // blocks of scratch memory by the size of their elements
}

// location is where an operand's elements are: those from element lo on are step·lo bytes
// beyond at. Blocks and single elements have a step of 0.
type location struct {
	at   unsafe.Pointer
	step int
}

func (p location) of(lo int) unsafe.Pointer { return unsafe.Add(p.at, p.step*lo) }

// link is a part.
type link struct {
	run  strip
	from []location
	to   location
	in   operands
}

func newChain(f *Fused, shape []int, parts []Part) *chain {
	x := &chain{count: numel(shape), places: map[Operand]location{}, free: map[int][]unsafe.Pointer{}}
	for i, in := range f.Inputs {
		x.input(Operand{Index: i}, in, shape)
	}
	uses := map[Operand]int{} // the last part that uses a result
	for i, p := range f.Parts {
		for _, o := range p.Operands {
			uses[o] = i
		}
	}
	for i := range parts {
		p := &parts[i]
		kernel := forms[p.Kernel]
		if kernel.part == nil || len(p.Operands) >= maxOperands {
			fail("%s can't be a part", p.Kernel)
		}
		a := &Args{kernel: p.Kernel, Scalars: p.Scalars, Output: Buffer{DType: p.DType, Shape: shape}}
		var from []location
		for j, o := range p.Operands {
			from = append(from, x.places[o])
			in := Buffer{DType: f.dtype(o), Shape: shape}
			if !o.Part && len(f.Inputs[o.Index].Data) == dtypeSize(in.DType) && x.count != 1 {
				in.Shape, a.single[j] = nil, true
			}
			a.Inputs = append(a.Inputs, in)
		}
		own := Operand{Index: i, Part: true}
		x.places[own] = location{at: x.block(dtypeSize(p.DType))}
		x.links = append(x.links, link{run: kernel.part(a), from: from, to: x.places[own]})
		for o, last := range uses {
			if o.Part && last == i {
				size := dtypeSize(f.dtype(o))
				x.free[size] = append(x.free[size], x.places[o].at)
			}
		}
	}
	return x
}

// block gives scratch memory for the results of a part, which begins with a cache line.
func (x *chain) block(size int) unsafe.Pointer {
	if free := x.free[size]; len(free) > 0 {
		x.free[size] = free[:len(free)-1]
		return free[len(free)-1]
	}
	const line = 64
	memory := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size*min(chainBlock, x.count)+line)/8+1)))
	return unsafe.Add(memory, -uintptr(memory)%line)
}

// input finds out where an input's elements are.
func (x *chain) input(o Operand, in Buffer, shape []int) {
	size := dtypeSize(in.DType)
	switch numel(in.Shape) {
	case x.count:
		x.places[o] = location{address(in), size}
	case 1:
		x.places[o] = location{at: address(in)}
	default:
		s := &spreadInput{walk: newWalk(shape, stridesOf(shape), broadcastStrides(in, shape)), size: size, to: x.block(size)}
		switch size {
		case 1:
			s.row = spreadRow(view[uint8](in))
		case 2:
			s.row = spreadRow(view[uint16](in))
		case 4:
			s.row = spreadRow(view[uint32](in))
		case 8:
			s.row = spreadRow(view[uint64](in))
		}
		x.spread = append(x.spread, s)
		x.places[o] = location{at: s.to}
	}
}

// compute computes n elements from element lo on, at most chainBlock, and gives their
// address.
func (x *chain) compute(lo, n int) unsafe.Pointer {
	for _, s := range x.spread {
		s.fill(lo, n)
	}
	for i := range x.links {
		l := &x.links[i]
		for j, p := range l.from {
			l.in[j] = p.of(lo)
		}
		l.run(l.to.of(lo), &l.in, n)
	}
	return x.result.of(lo)
}

// all computes all elements.
func (x *chain) all() {
	for lo := 0; lo < x.count; lo += chainBlock {
		x.compute(lo, min(chainBlock, x.count-lo))
	}
}

// widen adds the widening of results in f16 or bf16.
func (x *chain) widen(dtype string) {
	widen, to := widening(dtype), location{at: x.block(4)}
	run := func(out unsafe.Pointer, in *operands, n int) {
		widen(stretch[float32](out, n), stretch[uint16](in[0], n))
	}
	x.links = append(x.links, link{run: run, from: []location{x.result}, to: to})
	x.result = to
}

// spreadInput is an input that broadcasts otherwise than as one element. Its elements are
// copied as they are needed.
type spreadInput struct {
	*walk
	row  func(to unsafe.Pointer, at, stride, n int) // copies n elements from element at on
	size int
	to   unsafe.Pointer
}

func spreadRow[T any](x []T) func(to unsafe.Pointer, at, stride, n int) {
	return func(to unsafe.Pointer, at, stride, n int) { stridedRow(stretch[T](to, n), x, at, stride) }
}

// fill copies what belongs to n elements from element lo on.
func (s *spreadInput) fill(lo, n int) {
	var index [maxRank]int
	at, row := 0, lo/s.n
	for d := len(s.outer) - 1; d >= 0; d-- {
		index[d], row = row%s.outer[d].n, row/s.outer[d].n
		at += index[d] * s.outer[d].strides[1]
	}
	for done, col := 0, lo%s.n; done < n; col = 0 {
		m := min(s.n-col, n-done)
		s.row(unsafe.Add(s.to, done*s.size), at+col*s.strides[1], s.strides[1], m)
		done += m
		for d := len(s.outer) - 1; d >= 0; d-- {
			dim := &s.outer[d]
			index[d]++
			at += dim.strides[1]
			if index[d] < dim.n {
				break
			}
			index[d] = 0
			at -= dim.strides[1] * dim.n
		}
	}
}
