package cpu

// Element types as Go has them. A bool is a uint8 too, 0 or 1.
type (
	float   interface{ float32 | float64 }
	integer interface{ int32 | int64 }
	number  interface{ float | integer }
	element interface{ number | uint8 }
)

// variants are a kernel's bindings, or forms, by dtype. One that is nil is not served.
type variants[K binder | form] struct{ boolean, u8, i32, i64, f16, bf16, f32, f64 K }

// of gives the variant for a dtype.
func (v *variants[K]) of(dtype string) (kernel K) {
	switch dtype {
	case "bool":
		return v.boolean
	case "u8":
		return v.u8
	case "i32":
		return v.i32
	case "i64":
		return v.i64
	case "f16":
		return v.f16
	case "bf16":
		return v.bf16
	case "f32":
		return v.f32
	case "f64":
		return v.f64
	}
	return kernel
}

// on dispatches by the dtype of a buffer.
func on[K binder | form](of func(*Args) Buffer, v variants[K]) K {
	var kernel any
	switch v := any(v).(type) {
	case variants[binder]:
		kernel = binder(func(a *Args) func() {
			f := v.of(of(a).DType)
			if f == nil {
				notServed(of(a).DType)
			}
			return f(a)
		})
	case variants[form]:
		at := func(a *Args) form {
			f := v.of(of(a).DType)
			if f.bind == nil {
				notServed(of(a).DType)
			}
			return f
		}
		f := form{bind: func(a *Args) func() { return at(a).bind(a) }}
		for _, v := range []form{v.boolean, v.u8, v.i32, v.i64, v.f16, v.bf16, v.f32, v.f64} {
			if v.part != nil {
				f.part = func(a *Args) strip { return at(a).part(a) }
			}
			if v.over != nil {
				f.over = func(a *Args, x *chain) func() { return at(a).over(a, x) }
			}
		}
		kernel = f
	}
	return kernel.(K)
}

func notServed(dtype string) { fail("doesn't serve the dtype %s", dtype) }

// Which buffer decides.

func first(a *Args) Buffer  { return a.input(0) }
func second(a *Args) Buffer { return a.input(1) }
func output(a *Args) Buffer { return a.Output }

// floats are the variants of a kernel for floating dtypes.
func floats[K binder | form](f32, f64 K) variants[K] {
	half := widened(f32)
	return variants[K]{f16: half, bf16: half, f32: f32, f64: f64}
}

// numbers are the variants of a kernel for integers and floats.
func numbers[K binder | form](i32, i64, f32, f64 K) variants[K] {
	v := floats(f32, f64)
	v.i32, v.i64 = i32, i64
	return v
}

// anything adds bools and u8, which are alike where no bool is made.
func anything[K binder | form](u8, i32, i64, f32, f64 K) variants[K] {
	v := numbers(i32, i64, f32, f64)
	v.boolean, v.u8 = u8, u8
	return v
}

// bySize are the variants of a kernel that only moves elements: those of one
// size are alike.
func bySize[K binder | form](b1, b2, b4, b8 K) variants[K] {
	return variants[K]{boolean: b1, u8: b1, i32: b4, i64: b8, f16: b2, bf16: b2, f32: b4, f64: b8}
}
