package cpu

import (
	"unsafe"

	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// widened makes a kernel for f16 and bf16 of one for f32: a run widens the
// inputs into scratch memory, computes there, and narrows the output. Buffers
// of other dtypes pass through. The output may be an input's memory: all inputs
// are read before it is written.
func widened[K binder | form](f32 K) K {
	var kernel any
	switch f := any(f32).(type) {
	case binder:
		kernel = widenedAlone(f)
	case form:
		k := form{bind: widenedAlone(f.bind)}
		if f.part != nil {
			part := widenedPart(f.part)
			k = form{bind: mapped(part), part: part}
		}
		if f.over != nil {
			k.over = widenedOver(f.over)
		}
		kernel = k
	}
	return kernel.(K)
}

func widenedAlone(f32 binder) binder {
	return func(a *Args) func() {
		inner := *a
		inner.Inputs = make([]Buffer, len(a.Inputs))
		var before []func()
		for i, b := range a.Inputs {
			inner.Inputs[i] = b
			if !isHalf(b.DType) {
				continue
			}
			scratch, x, widen := newScratch[float32](b, "f32"), view[uint16](b), widening(b.DType)
			inner.Inputs[i] = scratch
			wide := view[float32](scratch)
			before = append(before, func() { widen(wide, x) })
		}
		after := nothing
		if isHalf(a.Output.DType) {
			inner.Output = newScratch[float32](a.Output, "f32")
			wide, out, narrow := view[float32](inner.Output), view[uint16](a.Output), narrowing(a.Output.DType)
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

// widening and narrowing choose the conversion of a storage format; nil for others.
func widening(dtype string) func(out []float32, x []uint16) {
	switch dtype {
	case "f16":
		return converting(widenF16, rows.Unary["widenF16"])
	case "bf16":
		return converting(widenBF16, rows.Unary["widenBF16"])
	}
	return nil
}

func narrowing(dtype string) func(out []uint16, x []float32) {
	switch dtype {
	case "f16":
		return converting(narrowF16, rows.Unary["narrowF16"])
	case "bf16":
		return converting(narrowBF16, rows.Unary["narrowBF16"])
	}
	return nil
}

func converting[T, U any](slow func(out []U, x []T), fast asm.Unary) func(out []U, x []T) {
	if fast == nil {
		return slow
	}
	return func(out []U, x []T) {
		if len(x) < fewExact {
			slow(out, x)
			return
		}
		fast((*byte)(unsafe.Pointer(unsafe.SliceData(out))), (*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
	}
}

func isHalf(dtype string) bool { return dtype == "f16" || dtype == "bf16" }

// newScratch makes a buffer of b's shape with elements of type T.
func newScratch[T any](b Buffer, dtype string) Buffer {
	s := make([]T, numel(b.Shape))
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
	return Buffer{Data: bytes, DType: dtype, Shape: b.Shape}
}

// widenedOver makes a reduction of f16 and bf16 that parts give of one of f32: the input
// is f32 for it, and the output is narrowed.
func widenedOver(f32 reducer) reducer {
	return func(a *Args, x *chain) func() {
		inner := *a
		inner.Inputs = []Buffer{{DType: "f32", Shape: a.input(0).Shape}}
		x.widen(a.input(0).DType)
		if !isHalf(a.Output.DType) {
			return f32(&inner, x)
		}
		inner.Output = newScratch[float32](a.Output, "f32")
		wide, out, narrow := view[float32](inner.Output), view[uint16](a.Output), narrowing(a.Output.DType)
		run := f32(&inner, x)
		return func() {
			run()
			narrow(out, wide)
		}
	}
}
