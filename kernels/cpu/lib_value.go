package cpu

// A scalar of type number, as an element of each dtype: floats are rounded once
// to nearest even, and become integers as in cast.

func boolValue(v any) uint8  { return b2u(asFloat(v) != 0) }
func u8Value(v any) uint8    { return saturate[uint8](asFloat(v)) }
func f16Value(v any) uint16  { return f64ToF16(asFloat(v)) }
func bf16Value(v any) uint16 { return f64ToBF16(asFloat(v)) }
func f32Value(v any) float32 { return float32(asFloat(v)) }

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

func asInt(v any) int64 {
	if v, ok := v.(int); ok {
		return int64(v)
	}
	return saturate[int64](asFloat(v))
}

func i32Value(v any) int32 {
	if v, ok := v.(int); ok {
		return int32(v)
	}
	return saturate[int32](asFloat(v))
}
