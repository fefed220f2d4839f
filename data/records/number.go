package records

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/flowrun/flowrun/ir"
)

// Verdict is what a text is as an element of some dtype.
type Verdict int

// The verdicts.
const (
	Good         Verdict = iota
	NotANumber           // neither -12 nor 0.5 nor 1e-3
	NotAnInteger         // a number, but not written as an integer: 3.7, 3.0, 1e3
	OutOfRange           // a number that the dtype can't hold
)

// PutNumber writes the number that a text stands for into dst, as an element of a dtype.
//
// A number is [+-] digits, with a decimal mark before, between or behind them, and an
// exponent: 7, -0.5, +.5, 5., 1e-3. Nothing else is one: no blanks, underscores, hexadecimal
// digits, NaN or infinities. An integer is [+-] digits. Floats are rounded once, to nearest
// even; what is too small for a dtype becomes 0, what is too large is OutOfRange.
func PutNumber(dst []byte, d ir.DType, text []byte, mark byte) Verdict {
	if !d.IsFloat() {
		return putInteger(dst, d, text, mark)
	}
	p, ok := parse(text, mark)
	if !ok {
		return NotANumber
	}
	v, verdict := p.float64(text, mark)
	if verdict != Good {
		return verdict
	}
	return putFloat(dst, d, v, text, mark)
}

// PutFloat writes a number as an element of a float's dtype, rounded once.
func PutFloat(dst []byte, d ir.DType, v float64) {
	switch d {
	case ir.F64:
		binary.LittleEndian.PutUint64(dst, math.Float64bits(v))
	case ir.F32:
		binary.LittleEndian.PutUint32(dst, math.Float32bits(float32(v)))
	case ir.F16:
		binary.LittleEndian.PutUint16(dst, ir.F64ToF16(v))
	case ir.BF16:
		binary.LittleEndian.PutUint16(dst, ir.F64ToBF16(v))
	}
}

// PutInt writes an integer as an element of an integer's or a bool's dtype, and reports
// whether it fits.
func PutInt(dst []byte, d ir.DType, v int64) bool {
	low, high := limits(d)
	if v < low || v > high {
		return false
	}
	switch d.Size() {
	case 8:
		binary.LittleEndian.PutUint64(dst, uint64(v))
	case 4:
		binary.LittleEndian.PutUint32(dst, uint32(v))
	case 1:
		dst[0] = byte(v)
	}
	return true
}

// limits are the least and the largest value of an integer's or a bool's dtype.
func limits(d ir.DType) (low, high int64) {
	switch d {
	case ir.Bool:
		return 0, 1
	case ir.U8:
		return 0, math.MaxUint8
	case ir.I32:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

// Range describes the values of a dtype, for messages.
func Range(d ir.DType) string {
	switch d {
	case ir.F16:
		return "-65504 to 65504"
	case ir.BF16:
		return "-3.3895314e38 to 3.3895314e38"
	case ir.F32:
		return "-3.4028235e38 to 3.4028235e38"
	case ir.F64:
		return "-1.7976931348623157e308 to 1.7976931348623157e308"
	}
	low, high := limits(d)
	return strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
}

func putInteger(dst []byte, d ir.DType, text []byte, mark byte) Verdict {
	digits, negative := sign(text)
	if len(digits) == 0 {
		return NotANumber
	}
	var n uint64
	over := false
	for _, c := range digits {
		c -= '0'
		if c > 9 {
			if _, ok := parse(text, mark); ok {
				return NotAnInteger
			}
			return NotANumber
		}
		if over = over || n > (math.MaxUint64-9)/10; !over {
			n = n*10 + uint64(c)
		}
	}
	switch {
	case over || n > 1<<63 || n == 1<<63 && !negative:
		return OutOfRange
	case negative:
		n = -n
	}
	if !PutInt(dst, d, int64(n)) {
		return OutOfRange
	}
	return Good
}

func sign(text []byte) (rest []byte, negative bool) {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		return text[1:], text[0] == '-'
	}
	return text, false
}

// number is a number's parts: ±mantissa · 10^exponent, unless more digits were cut off.
type number struct {
	negative bool
	mantissa uint64
	exponent int64
	cut      bool
}

// parse reads a number by the grammar above, and reports whether it is one.
func parse(text []byte, mark byte) (n number, ok bool) {
	text, n.negative = sign(text)
	const most = math.MaxUint64/10 - 1
	i, digits := 0, 0
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		digits++
		if n.mantissa < most {
			n.mantissa = n.mantissa*10 + uint64(text[i]-'0')
		} else {
			n.cut = true
		}
	}
	if i < len(text) && text[i] == mark {
		for i++; i < len(text) && text[i]-'0' <= 9; i++ {
			digits++
			if n.mantissa < most {
				n.mantissa = n.mantissa*10 + uint64(text[i]-'0')
				n.exponent--
			} else {
				n.cut = true
			}
		}
	}
	if digits == 0 {
		return n, false
	}
	if i == len(text) {
		return n, true
	}
	if text[i]|0x20 != 'e' {
		return n, false
	}
	power, negative := sign(text[i+1:])
	if len(power) == 0 {
		return n, false
	}
	var exponent int64
	for _, c := range power {
		c -= '0'
		if c > 9 {
			return n, false
		}
		exponent = min(exponent*10+int64(c), 1<<50)
	}
	if negative {
		exponent = -exponent
	}
	n.exponent += exponent
	return n, true
}

// Powers of ten that float64 holds exactly.
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// float64 gives the nearest float64. With a mantissa and a power of ten that are exact,
// one operation rounds once; strconv does all others.
func (n number) float64(text []byte, mark byte) (float64, Verdict) {
	if n.cut || n.mantissa >= 1<<53 || n.exponent < -22 || n.exponent > 22 {
		v, err := strconv.ParseFloat(string(plain(text, mark)), 64)
		if err != nil {
			return 0, OutOfRange // parse has checked the syntax
		}
		return v, Good
	}
	v := float64(n.mantissa)
	if n.exponent < 0 {
		v /= powers[-n.exponent]
	} else {
		v *= powers[n.exponent]
	}
	if n.negative {
		v = -v
	}
	return v, Good
}

// plain is a number with a point for its decimal mark.
func plain(text []byte, mark byte) []byte {
	if mark == '.' {
		return text
	}
	other := make([]byte, len(text))
	for i, c := range text {
		if c == mark {
			c = '.'
		}
		other[i] = c
	}
	return other
}
