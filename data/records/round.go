package records

import (
	"bytes"
	"math"
	"strconv"

	"github.com/flowrun/flowrun/ir"
)

// putFloat writes v, the float64 that is nearest to a text, as an element of a float's
// dtype, rounded as the text itself would be.
func putFloat(dst []byte, d ir.DType, v float64, text []byte, mark byte) Verdict {
	if halfway(d, v) {
		// Only here can the text be on one side and v be rounded to the other.
		switch c := compare(plain(text, mark), math.Abs(v)); {
		case c > 0:
			v = math.Nextafter(v, math.Copysign(math.Inf(1), v))
		case c < 0:
			v = math.Nextafter(v, 0)
		}
	}
	if math.IsInf(narrow(d, v), 0) {
		return OutOfRange
	}
	PutFloat(dst, d, v)
	return Good
}

// halfway reports whether v lies in the middle between two neighbours of a dtype. Its own
// neighbours then round to different sides.
func halfway(d ir.DType, v float64) bool {
	const tail = 1<<28 - 1 // bits of a float64 that are 0 in the middle between any two f32
	return math.Float64bits(v)&tail == 0 && narrow(d, v) != v &&
		narrow(d, math.Nextafter(v, math.Inf(-1))) != narrow(d, math.Nextafter(v, math.Inf(1)))
}

// narrow rounds to the values of a float's dtype.
func narrow(d ir.DType, v float64) float64 {
	switch d {
	case ir.F32:
		return float64(float32(v))
	case ir.F16:
		return float64(ir.F16ToF32(ir.F64ToF16(v)))
	case ir.BF16:
		return float64(ir.BF16ToF32(ir.F64ToBF16(v)))
	}
	return v
}

// compare compares the magnitude of a number, as parse accepts it and not 0, with v > 0,
// exactly: -1, 0 or 1. v is halfway between two values of f32 or a shorter dtype, so that
// it has fewer decimal digits than are asked for here.
func compare(text []byte, v float64) int {
	digits, exponent := decimal(text)
	others, other := decimal(strconv.AppendFloat(nil, v, 'e', 200, 64))
	if exponent != other {
		if exponent < other {
			return -1
		}
		return 1
	}
	return bytes.Compare(digits, others)
}

// decimal gives a number's digits, without zeros at either end, and the exponent e of
// 0.DIGITS · 10^e.
func decimal(text []byte) (digits []byte, exponent int) {
	text, _ = sign(text)
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		exponent, _ = strconv.Atoi(string(text[i+1:]))
		text = text[:i]
	}
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	digits = append(append(digits, whole...), fraction...)
	exponent += len(whole)
	trimmed := bytes.TrimLeft(digits, "0")
	exponent -= len(digits) - len(trimmed)
	return bytes.TrimRight(trimmed, "0"), exponent
}
