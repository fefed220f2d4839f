package cpu

import (
	"math"
	"unsafe"
)

// cast: x in another dtype, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// Floats become integers by dropping the fraction, saturating, with NaN 0; integers
// wrap around; everything but 0 becomes true; floats round to nearest even, once,
// whatever the two formats are.
func init() {
	register("cast", on(first, variants[form]{boolean: castInts[uint8](), u8: castInts[uint8](), i32: castInts[int32](), i64: castInts[int64](),
		f16: castHalf, bf16: castHalf, f32: castF32, f64: castF64}))
}

func castInts[T uint8 | integer]() form {
	return on(output, variants[form]{boolean: unary(castBool[T]), u8: unary(castPlain[T, uint8]), i32: unary(castPlain[T, int32]), i64: unary(castPlain[T, int64]),
		f16: unary(castF16[T]), bf16: unary(castBF16[T]), f32: unary(castPlain[T, float32]), f64: unary(castPlain[T, float64])})
}

var castF32 = on(output, variants[form]{boolean: unary(castBool[float32]), u8: unary(castInt[float32, uint8]), i32: unary(castInt[float32, int32]), i64: unary(castInt[float32, int64]),
	f16: unary(narrowF16), bf16: unary(narrowBF16), f32: copiedForm, f64: unary(castPlain[float32, float64])})

var castF64 = on(output, variants[form]{boolean: unary(castBool[float64]), u8: unary(castInt[float64, uint8]), i32: unary(castInt[float64, int32]), i64: unary(castInt[float64, int64]),
	f16: unary(castF16[float64]), bf16: unary(castBF16[float64]), f32: unary(castPlain[float64, float32]), f64: copiedForm})

// castHalf casts from f16 and bf16: widening to f32 is exact. To itself it is a
// copy, NaNs and all.
var castHalf = func() form {
	other := widened(castF32)
	of := func(a *Args) form {
		switch from, to := a.input(0).DType, a.Output.DType; {
		case from == to:
			return copiedForm
		case from == "f16" && to == "f32":
			return unary(widenF16)
		case from == "bf16" && to == "f32":
			return unary(widenBF16)
		}
		return other
	}
	return form{bind: func(a *Args) func() { return of(a).bind(a) }, part: func(a *Args) strip { return of(a).part(a) }}
}()

func castPlain[T, U element](out []U, x []T) {
	for i, v := range x {
		out[i] = U(v)
	}
}

// castF16 and castBF16 go by f64, which holds every bool, i32 and f64 exactly;
// an i64 that it doesn't hold is beyond f16's range and far beyond bf16's
// precision.
func castF16[T element](out []uint16, x []T) {
	for i, v := range x {
		out[i] = f64ToF16(float64(v))
	}
}

func castBF16[T element](out []uint16, x []T) {
	for i, v := range x {
		out[i] = f64ToBF16(float64(v))
	}
}

func castBool[T element](out []uint8, x []T) {
	for i, v := range x {
		out[i] = b2u(v != 0)
	}
}

func castInt[T float, U uint8 | integer](out []U, x []T) {
	for i, v := range x {
		out[i] = saturate[U](float64(v))
	}
}

// saturate drops the fraction; what doesn't fit becomes the nearest integer
// that does, and NaN 0.
func saturate[U uint8 | integer](v float64) U {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	switch unsafe.Sizeof(*new(U)) {
	case 1:
		low, high = 0, math.MaxUint8
	case 4:
		low, high = math.MinInt32, math.MaxInt32
	}
	switch {
	case v != v:
		return 0
	case v <= float64(low):
		return U(low)
	case v >= float64(high):
		return U(high)
	}
	return U(v)
}

// castFast names the functions in assembly, by the two dtypes.
var castFast = map[[2]string]string{{"bool", "f32"}: "boolToF32", {"f16", "f32"}: "widenF16", {"bf16", "f32"}: "widenBF16",
	{"f32", "f16"}: "narrowF16", {"f32", "bf16"}: "narrowBF16"}
