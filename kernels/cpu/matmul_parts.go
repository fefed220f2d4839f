package cpu

import (
	"runtime"
	"unsafe"
)

// products are matrix products of one shape. They are split among threads: by products if
// there are enough, else each by columns or rows, which are computed as they would be in
// one part.
type products struct {
	*tiled
	at        []batchAt // where their operands lie
	out, a, b unsafe.Pointer
}

// bind allocates what each part needs.
func (x *products) bind(args *Args) func() {
	parts := args.parts(x.cost(), max(len(x.at), (x.m+x.f.Rows-1)/x.f.Rows, (x.n+x.wide-1)/x.wide))
	if x.suitsDots() {
		return x.bindDots(parts)
	}
	if parts == 1 && !x.packA && !x.packB && len(x.at) == 1 && x.m*x.n <= listedSize && x.k <= x.deep {
		return x.listed()
	}
	runs := make([]func(), parts)
	for part := range parts {
		w, i0, i1, j0, j1 := x.newTiler(), 0, x.m, 0, x.n
		first, last := 0, len(x.at)
		switch columns := (x.n + x.wide - 1) / x.wide; {
		case len(x.at) >= parts:
			first, last = len(x.at)*part/parts, len(x.at)*(part+1)/parts
		case columns >= 2*parts || x.m < parts*x.f.Rows:
			j0, j1 = columns*part/parts*x.wide, min(columns*(part+1)/parts*x.wide, x.n)
		default:
			i0, i1 = x.m*part/parts, x.m*(part+1)/parts
		}
		runs[part] = func() {
			w.borrow()
			for i, at := range x.at[first:last] {
				w.multiply(unsafe.Add(x.out, (first+i)*x.m*x.n*x.size), unsafe.Add(x.a, at.a*x.size), unsafe.Add(x.b, at.b*x.size), i0, i1, j0, j1)
			}
			w.giveBack()
		}
	}
	return together(runs)
}

func (x *products) bindDots(parts int) func() {
	if parts == 1 && len(x.at) == 1 && x.m*x.n <= listedSize && (x.aCol == 1 || x.k == 1) {
		return x.listedDots()
	}
	runs := make([]func(), parts)
	for part := range parts {
		d, j0, j1 := x.newDotted(), x.n*part/parts&^3, x.n*(part+1)/parts&^3
		if part == parts-1 {
			j1 = x.n
		}
		runs[part] = func() {
			for i, at := range x.at {
				d.multiply(unsafe.Add(x.out, i*x.m*x.n*x.size), unsafe.Add(x.a, at.a*x.size), unsafe.Add(x.b, at.b*x.size), j0, j1)
			}
		}
	}
	return together(runs)
}

// listedSize is up to how many elements of out the calls of assembly are listed at binding:
// in a small product, working them out takes longer than the calls.
const listedSize = 1 << 10

func (x *products) listed() func() {
	var calls []tileCall
	w := x.newTiler()
	w.calls = &calls
	at := x.at[0]
	w.multiply(x.out, unsafe.Add(x.a, at.a*x.size), unsafe.Add(x.b, at.b*x.size), 0, x.m, 0, x.n)
	return func() {
		for i := range calls {
			calls[i].run(&calls[i].args)
		}
		runtime.KeepAlive(x) // the calls have addresses, not pointers
	}
}

// listedDots is the same for dots whose operands lie as they are read.
func (x *products) listedDots() func() {
	var calls []dotsCall
	d := x.newDotted()
	d.calls = &calls
	at := x.at[0]
	d.multiply(x.out, unsafe.Add(x.a, at.a*x.size), unsafe.Add(x.b, at.b*x.size), 0, x.n)
	return func() {
		for i := range calls {
			calls[i].run(&calls[i].args)
		}
		runtime.KeepAlive(x)
	}
}

// cost is about how many nanoseconds one core takes.
func (x *products) cost() float64 {
	flops := 2 * float64(x.m) * float64(x.n) * float64(x.k)
	bytes := float64(x.m*x.k+x.k*x.n+x.m*x.n) * float64(x.size)
	return float64(len(x.at)) * max(flops/flopsPerNano*float64(x.size)/4, bytes/bytesPerNano)
}

// together runs several functions side by side.
func together(runs []func()) func() {
	if len(runs) == 1 {
		return runs[0]
	}
	part := func(i int) { runs[i]() }
	return func() { inParts(len(runs), part) }
}
