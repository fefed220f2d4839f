package cpu

// Element types as Go has them. A bool is a uint8 too, 0 or 1.
type (
	float   interface{ float32 | float64 }
	integer interface{ int32 | int64 }
	number  interface{ float | integer }
	element interface{ number | uint8 }
)

// variants are a kernel's bindings by dtype. A nil one is not served.
type variants struct{ boolean, u8, i32, i64, f16, bf16, f32, f64 binder }

// on dispatches by the dtype of a buffer.
func on(of func(*Args) Buffer, v variants) binder {
	return func(a *Args) func() {
		dtype := of(a).DType
		var b binder
		switch dtype {
		case "bool":
			b = v.boolean
		case "u8":
			b = v.u8
		case "i32":
			b = v.i32
		case "i64":
			b = v.i64
		case "f16":
			b = v.f16
		case "bf16":
			b = v.bf16
		case "f32":
			b = v.f32
		case "f64":
			b = v.f64
		}
		if b == nil {
			fail("doesn't serve the dtype %s", dtype)
		}
		return b(a)
	}
}

// Which buffer decides.

func first(a *Args) Buffer  { return a.input(0) }
func second(a *Args) Buffer { return a.input(1) }
func output(a *Args) Buffer { return a.Output }

// floats are the variants of a kernel for floating dtypes.
func floats(f32, f64 binder) variants {
	half := widened(f32)
	return variants{f16: half, bf16: half, f32: f32, f64: f64}
}

// numbers are the variants of a kernel for integers and floats.
func numbers(i32, i64, f32, f64 binder) variants {
	v := floats(f32, f64)
	v.i32, v.i64 = i32, i64
	return v
}

// anything adds bools and u8, which are alike where no bool is made.
func anything(u8, i32, i64, f32, f64 binder) variants {
	v := numbers(i32, i64, f32, f64)
	v.boolean, v.u8 = u8, u8
	return v
}

// bySize are the variants of a kernel that only moves elements: those of one
// size are alike.
func bySize(b1, b2, b4, b8 binder) variants {
	return variants{boolean: b1, u8: b1, i32: b4, i64: b8, f16: b2, bf16: b2, f32: b4, f64: b8}
}
