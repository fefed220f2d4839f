package cpu

// full: one value everywhere.
//
// → out [...]. Bound by bytes.

func init() {
	register("full", on(output, variants{
		u8:   full(func(v any) uint8 { return b2u(asInt(v) != 0) }),
		i32:  full(func(v any) int32 { return int32(asInt(v)) }),
		i64:  full(asInt),
		f16:  full(func(v any) uint16 { return f64ToF16(asFloat(v)) }),
		bf16: full(func(v any) uint16 { return f64ToBF16(asFloat(v)) }),
		f32:  full(func(v any) float32 { return float32(asFloat(v)) }),
		f64:  full(asFloat),
	}))
}

func full[T any](value func(any) T) binder {
	return func(a *Args) func() {
		v, out := value(a.scalar(0)), view[T](a.Output)
		return func() {
			for i := range out {
				out[i] = v
			}
		}
	}
}

// asFloat reads a scalar of type number.
func asFloat(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	fail("a number was expected, got %v (%T)", v, v)
	return 0
}

// asInt reads a scalar of type number for an integer tensor, saturating.
func asInt(v any) int64 {
	if v, ok := v.(int); ok {
		return int64(v)
	}
	return saturate[int64](asFloat(v))
}
