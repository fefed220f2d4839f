package arrays

import (
	"fmt"
	"math"
	"strconv"

	"github.com/flowrun/flowrun/ir"
)

// Elem is a type of elements in a file. Files have more of them than the language.
type Elem struct {
	Class Class
	Size  int  // bytes
	Big   bool // the most significant byte comes first
}

// Class is what an element's bits mean.
type Class uint8

// The classes. A brain float is the upper half of an f32.
const (
	Bool Class = iota + 1
	Int
	Uint
	Float
	Brain
)

// String gives the type as the language would write it: u8, i16, f32.
func (e Elem) String() string {
	switch e.Class {
	case Bool:
		return "bool"
	case Brain:
		return "bf16"
	}
	return string(" iuf"[e.Class-1]) + strconv.Itoa(8*e.Size)
}

// Of is the element type of a dtype, as flowrun stores it.
func Of(d ir.DType) Elem {
	name := d.String()
	e := Elem{Size: d.Size()}
	switch name[:1] {
	case "b":
		e.Class = Bool
		if d == ir.BF16 {
			e.Class = Brain
		}
	case "i":
		e.Class = Int
	case "u":
		e.Class = Uint
	case "f":
		e.Class = Float
	}
	return e
}

// isFloat reports whether values have fractions.
func (e Elem) isFloat() bool { return e.Class == Float || e.Class == Brain }

// same reports whether elements have the same meaning, in whatever byte order.
func (e Elem) same(f Elem) bool { return e.Class == f.Class && e.Size == f.Size }

// Fits reports whether a field of type d may be read from elements of this type, and, if
// not, what to do. Integers may become other integers and floats, where each value is
// kept exactly: one that isn't is an error. Floats may become narrower floats, rounded to
// nearest; a number that becomes infinite is an error. Floats don't become integers, and
// truth values nothing else.
func (e Elem) Fits(d ir.DType) (help string, ok bool) {
	to := Of(d)
	switch {
	case e.same(to):
		return "", true
	case e.Class == Bool:
		return "declare bool, and convert it in transform", false
	case to.Class == Bool:
		return fmt.Sprintf("store truth values, or declare %s and compare it in transform", e.near()), false
	case e.isFloat() && !to.isFloat():
		return fmt.Sprintf("store integers, or declare %s and round it in transform", e.near()), false
	}
	return "", true
}

// near is the dtype to declare for elements of this type: their own, or a wider one.
func (e Elem) near() ir.DType {
	if d, ok := ir.ParseDType(e.String()); ok {
		return d
	}
	if e.Size < 4 {
		return ir.I32
	}
	return ir.I64
}

// checked reports whether some values of the type can't be a d, so that each is looked at.
func (e Elem) checked(d ir.DType) bool {
	to := Of(d)
	switch {
	case e.Class == Bool:
		return true // it may be neither 0 nor 1
	case e.same(to):
		return false
	case e.isFloat():
		return to.Size < e.Size || to.Class != e.Class && to.Size == e.Size
	case to.isFloat():
		return e.bits() > exact(to)
	case e.Class == Uint && e.Size == 8:
		return true
	}
	low, high := limits(to)
	from, most := limits(e)
	return from < low || most > high
}

// bits are the binary digits of an integer type's largest values.
func (e Elem) bits() int {
	if e.Class == Int {
		return 8*e.Size - 1
	}
	return 8 * e.Size
}

// exact is how many binary digits an integer may have so that a float holds all such.
func exact(e Elem) int {
	switch {
	case e.Class == Brain:
		return 8
	case e.Size == 2:
		return 11
	case e.Size == 4:
		return 24
	}
	return 53
}

// limits are the least and largest value of an integer type; those of a u64 end with what
// an int64 holds.
func limits(e Elem) (least, largest int64) {
	if e.Class == Uint {
		if e.Size == 8 {
			return 0, math.MaxInt64
		}
		return 0, 1<<(8*e.Size) - 1
	}
	return -1 << (8*e.Size - 1), 1<<(8*e.Size-1) - 1
}
