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

// expTable[i] is 2^(i/expSize), as bits.
var expTable = func() (t [expSize]uint64) {
	for i := range t {
		t[i] = math.Float64bits(math.Exp2(float64(i) / expSize))
	}
	return t
}()

// exp32 is e to the x with a relative error below 1e-10, for results that are
// rounded to f32 (which costs 6e-8). It takes six tenths of math.Exp's time.
//
// x is split into k·ln(2)/64 and a rest r of at most ln(2)/128 = 0.0054 in
// magnitude, so that e^r's series up to r³ leaves out r⁴/24 < 4e-11; 2^(k/64)
// comes from the table and the exponent bits.
// Beyond ±708 the result is infinite or 0, in f32 as in f64.
func exp32(x float64) float64 {
	if !(x > -708 && x < 708) {
		return expFar(x)
	}
	const shift = 3 << 51 // adding it leaves an integer in the low bits
	t := x*(expSize*math.Log2E) + shift
	k := math.Float64bits(t)
	r := x - float64((t-shift)*(math.Ln2/expSize))
	power := math.Float64frombits(expTable[k%expSize] + k>>expBits<<52)
	return power + power*(r+r*r*(0.5+r*(1.0/6)))
}

// expFar is e to the x where that is infinite, 0 or NaN.
func expFar(x float64) float64 {
	switch {
	case x >= 708:
		return math.Inf(1)
	case x <= -708:
		return 0
	}
	return x
}

// b2u is a comparison as an element of a bool tensor.
func b2u(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
