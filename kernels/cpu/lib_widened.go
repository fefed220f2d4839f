package cpu

import "unsafe"

// widened makes a kernel for f16 and bf16 of one for f32: a run widens the
// inputs into scratch memory, computes there, and narrows the output. Buffers
// of other dtypes pass through. The output may be an input's memory: all inputs
// are read before it is written.
func widened(f32 binder) binder {
	return func(a *Args) func() {
		inner := Args{Inputs: make([]Buffer, len(a.Inputs)), Output: a.Output, Scalars: a.Scalars, Threads: a.Threads}
		var before []func()
		for i, b := range a.Inputs {
			inner.Inputs[i] = b
			if !isHalf(b.DType) {
				continue
			}
			scratch, x, widen := newScratch[float32](b, "f32"), view[uint16](b), widenF16
			if b.DType == "bf16" {
				widen = widenBF16
			}
			inner.Inputs[i] = scratch
			wide := view[float32](scratch)
			before = append(before, func() { widen(wide, x) })
		}
		after := nothing
		if isHalf(a.Output.DType) {
			inner.Output = newScratch[float32](a.Output, "f32")
			wide, out, narrow := view[float32](inner.Output), view[uint16](a.Output), narrowF16
			if a.Output.DType == "bf16" {
				narrow = narrowBF16
			}
			after = func() { narrow(out, wide) }
		}
		run := f32(&inner)
		return func() {
			for _, widen := range before {
				widen()
			}
			run()
			after()
		}
	}
}

func isHalf(dtype string) bool { return dtype == "f16" || dtype == "bf16" }

// newScratch makes a buffer of b's shape with elements of type T.
func newScratch[T any](b Buffer, dtype string) Buffer {
	s := make([]T, numel(b.Shape))
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
	return Buffer{Data: bytes, DType: dtype, Shape: b.Shape}
}
