package cpu

import (
	"math"
	"unsafe"
)

// expOf is e to the x, accurate enough to be rounded to T or to be used in one
// or two more operations before it is.
func expOf[T float](x float64) float64 {
	if unsafe.Sizeof(*new(T)) == 4 {
		return exp32(x)
	}
	return math.Exp(x)
}

const (
	expBits = 6 // the table has 2^expBits steps from 1 to 2
	expSize = 1 << expBits
)

// expTable[i] is 2^(i/expSize).
var expTable = func() (t [expSize]float64) {
	for i := range t {
		t[i] = math.Exp2(float64(i) / expSize)
	}
	return t
}()

// exp32 is e to the x with a relative error below 1e-10, for results that are
// rounded to f32 (whose own rounding is 6e-8). It takes a third of math.Exp's
// time.
//
// x·log2(e) is split into k/expSize and a rest r of at most ln(2)/128 = 0.0054
// in magnitude, after which e^r's series up to r³ leaves out r⁴/24 < 4e-11; the
// power of two comes from the table and the exponent bits. Beyond ±708 the
// result is infinite or 0, in f32 as in f64.
func exp32(x float64) float64 {
	if !(x > -708) {
		if x != x {
			return x
		}
		return 0
	}
	if x > 708 {
		return math.Inf(1)
	}
	const shift = 3 << 51 // adding it leaves an integer in the low bits
	t := x*(expSize*math.Log2E) + shift
	k := int64(math.Float64bits(t))
	r := x - (t-shift)*(math.Ln2/expSize)
	scale := math.Float64frombits(math.Float64bits(expTable[k&(expSize-1)]) + uint64(k>>expBits)<<52)
	return scale + scale*(r+r*r*(0.5+r*(1.0/6)))
}

// b2u is a comparison as an element of a bool tensor.
func b2u(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
