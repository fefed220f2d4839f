package cpu

import (
	"unsafe"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// dotted multiplies a few rows of A by many of a transposed B: each element is the product
// of two rows whose elements lie side by side, so nothing is packed, and B is read once.
// A sum has a part for each element of a vector, joined at last: how they are joined
// depends on the instruction set alone.
type dotted struct {
	*tiled
	args asm.Dots
	a    unsafe.Pointer // rows of A, if their elements don't lie side by side

	calls *[]dotsCall // where calls are listed, instead of made; nil but when binding
}

// dotsCall is a call of a function in assembly.
type dotsCall struct {
	run  func(*asm.Dots)
	args asm.Dots
}

func (t *tiled) newDotted() *dotted {
	d := &dotted{tiled: t}
	x := &d.args
	x.Vectors = t.k / t.f.Lane
	if rest := t.k % t.f.Lane; rest > 0 {
		x.Rest = 1
		x.Mask, x.Lanes = asm.Only(rest, t.size)
	}
	x.ARow, x.BRow, x.CRow, x.CCol = t.aRow*t.size, t.bCol*t.size, t.cRow*t.size, t.size
	if t.aCol != 1 && t.k > 1 {
		d.a = aligned(t.m * t.k * t.size)
		x.ARow = t.k * t.size
	}
	return d
}

// dotsBytes is how much of B is multiplied by all rows of A before the next, so that it is
// read from the first-level cache.
const dotsBytes = 16 << 10

// suitsDots is whether dots are faster than packing B for tiles.
func (t *tiled) suitsDots() bool {
	return t.bCol != 1 && (t.m <= t.f.Few || t.m <= 4*t.f.Few && t.k >= 4*t.f.Lane)
}

// multiply computes columns j0 to j1.
func (d *dotted) multiply(out, a, b unsafe.Pointer, j0, j1 int) {
	if d.a != nil {
		for i := range d.m {
			spread(unsafe.Add(d.a, i*d.args.ARow), unsafe.Add(a, i*d.aRow*d.size), d.size, d.k, 1, d.aCol)
		}
		a = d.a
	}
	step := max(dotsBytes/(d.k*d.size)&^3, 4)
	if d.m <= d.f.Few {
		step = d.n
	}
	x := &d.args
	for j := j0; j < j1; j += step {
		columns := min(step, j1-j)
		for i := 0; i < d.m; i += d.f.Few {
			run := d.f.Dots[min(d.f.Few, d.m-i)]
			x.A, x.B, x.C = uintptr(a)+uintptr(i*x.ARow), uintptr(b)+uintptr(j*x.BRow), uintptr(out)+uintptr(i*x.CRow+j*x.CCol)
			if x.Count = columns / 4; x.Count > 0 {
				d.call(run.Four)
			}
			done := columns &^ 3
			if x.Count = columns - done; x.Count > 0 {
				x.B, x.C = x.B+uintptr(done*x.BRow), x.C+uintptr(done*x.CCol)
				d.call(run.One)
			}
		}
	}
}

func (d *dotted) call(run func(*asm.Dots)) {
	if d.calls == nil {
		run(&d.args)
		return
	}
	*d.calls = append(*d.calls, dotsCall{run, d.args})
}
