package cpu

import (
	"slices"
	"unsafe"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// strip is an elementwise kernel at work on n elements that lie side by side, from its
// operands' addresses on. What it gives an element doesn't depend on which others it is
// given with: so a tensor can be computed in any pieces.
type strip func(out unsafe.Pointer, in *operands, n int)

// operands are the addresses of a strip's inputs.
type operands [maxOperands - 1]unsafe.Pointer

// mapper makes the strip of a kernel for dtypes, scalars, and inputs that are one element
// for all (Args.single). The buffers of its Args have shapes, but no memory.
type mapper = func(*Args) strip

// rows are the functions in assembly.
var rows = asm.RowsOf(asm.Chosen)

// Below these numbers of elements, the call of a function in assembly costs more than it
// saves. The bits of functions that round differently in Go and in assembly depend on the
// number of a tensor's elements, and so on shapes alone.
const (
	fewExact     = 8
	fewFunctions = 4
	fewFolded    = 16
)

// fast finds a function in assembly for a kernel by the dtype of its first input, if its
// output has that many elements; nil if there is none.
func fast[F any](a *Args, of map[string]F, few int) (f F) {
	if len(of) > 0 && numel(a.Output.Shape) >= few {
		switch a.input(0).DType {
		case "f32":
			return of[a.kernel+"F32"]
		case "f64":
			return of[a.kernel+"F64"]
		}
	}
	return f
}

// address is where a buffer's elements begin.
func address(b Buffer) unsafe.Pointer {
	switch dtypeSize(b.DType) {
	case 1:
		return unsafe.Pointer(unsafe.SliceData(view[uint8](b)))
	case 2:
		return unsafe.Pointer(unsafe.SliceData(view[uint16](b)))
	case 4:
		return unsafe.Pointer(unsafe.SliceData(view[uint32](b)))
	case 8:
		return unsafe.Pointer(unsafe.SliceData(view[uint64](b)))
	}
	fail("there is no dtype %s", b.DType)
	return nil
}

func dtypeSize(dtype string) int {
	switch dtype {
	case "bool", "u8":
		return 1
	case "f16", "bf16":
		return 2
	case "i32", "f32":
		return 4
	case "i64", "f64":
		return 8
	}
	return 0
}

// stretch is n elements from an address on.
func stretch[T any](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

// start is where a row of at least one element begins, for functions in assembly.
func start[T any](x []T) *byte { return (*byte)(unsafe.Pointer(unsafe.SliceData(x))) }

// mapped binds an elementwise kernel as strips: one for each row of its operands.
func mapped(part mapper) binder {
	return func(a *Args) func() {
		shape, count := a.Output.Shape, len(a.Inputs)
		if count >= maxOperands {
			fail("%d inputs", count)
		}
		strides := [][]int{stridesOf(shape)}
		for _, in := range a.Inputs {
			strides = append(strides, broadcastStrides(in, shape))
		}
		w := newWalk(shape, strides...)
		var from operands
		var sizes [maxOperands - 1]int
		for i, in := range a.Inputs {
			from[i], sizes[i] = address(in), dtypeSize(in.DType)
			a.single[i] = w.strides[i+1] == 0
		}
		out, size := address(a.Output), dtypeSize(a.Output.DType)
		run := part(a)
		switch {
		case numel(shape) == 0:
			return nothing
		case w.rows == 1:
			return func() { run(out, &from, w.n) }
		}
		at := from // kept here, as the strip may be any function
		return func() {
			var c cursor
			for range w.rows {
				for i := range count {
					at[i] = unsafe.Add(from[i], c.at[i+1]*sizes[i])
				}
				run(unsafe.Add(out, c.at[0]*size), &at, w.n)
				c.next(w)
			}
		}
	}
}

// halfBlock is how many elements of f16 or bf16 are widened at a time.
const halfBlock = 256

// widenedPart makes a strip for f16 and bf16 of one for f32: block by block the inputs are
// widened, the result is computed, and narrowed.
func widenedPart(f32 mapper) mapper {
	return func(a *Args) strip {
		inner := *a
		inner.Inputs = slices.Clone(a.Inputs)
		var widen [maxOperands - 1]func(out []float32, x []uint16)
		var wide [maxOperands - 1][]float32
		var sizes [maxOperands - 1]int
		for i, in := range a.Inputs {
			sizes[i] = dtypeSize(in.DType)
			if isHalf(in.DType) {
				widen[i], wide[i] = widening(in.DType), make([]float32, halfBlock)
				inner.Inputs[i].DType = "f32"
			}
			if a.single[i] {
				sizes[i] = 0
			}
		}
		narrow, narrowed, size := narrowing(a.Output.DType), make([]float32, halfBlock), dtypeSize(a.Output.DType)
		if narrow != nil {
			inner.Output.DType = "f32"
		}
		run := f32(&inner)
		var at operands
		return func(out unsafe.Pointer, in *operands, n int) {
			for from := 0; from < n; from += halfBlock {
				count := min(halfBlock, n-from)
				for i := range a.Inputs {
					at[i] = unsafe.Add(in[i], from*sizes[i])
					if widen[i] != nil {
						many := count
						if sizes[i] == 0 {
							many = 1
						}
						widen[i](wide[i], stretch[uint16](at[i], many))
						at[i] = unsafe.Pointer(unsafe.SliceData(wide[i]))
					}
				}
				to := unsafe.Add(out, from*size)
				if narrow == nil {
					run(to, &at, count)
					continue
				}
				run(unsafe.Pointer(unsafe.SliceData(narrowed)), &at, count)
				narrow(stretch[uint16](to, count), narrowed[:count])
			}
		}
	}
}
