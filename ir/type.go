package ir

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// Shape lists a tensor's dimensions, outermost first; a scalar has none.
// Tensors are dense and row-major.
type Shape []int

// MaxRank is the largest number of dimensions a value may have.
const MaxRank = 8

// Numel is the number of elements: 1 for a scalar, 0 if any dimension is 0; it
// saturates.
func (s Shape) Numel() int {
	n := 1
	for _, d := range s {
		if d == 0 {
			return 0
		}
		n = MulSize(n, d)
	}
	return n
}

// Equal reports whether both shapes have the same dimensions.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// String gives the dimensions as "[1, 8]".
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(d))
	}
	b.WriteByte(']')
	return b.String()
}

// Strides gives, per dimension, the distance in elements between neighbours.
func (s Shape) Strides() []int {
	strides := make([]int, len(s))
	n := 1
	for i := len(s) - 1; i >= 0; i-- {
		strides[i] = n
		n *= s[i]
	}
	return strides
}

// Dim turns a dimension index that may be negative (-1 is the last) into one
// from 0 to len(s)-1, or fails naming the range that is allowed.
func (s Shape) Dim(i int) (int, error) {
	if len(s) == 0 {
		return 0, fmt.Errorf("dim %d: a scalar has no dimensions", i)
	}
	if i < -len(s) || i >= len(s) {
		return 0, fmt.Errorf("dim %d is out of range: %s has dims %d to %d", i, s, -len(s), len(s)-1)
	}
	if i < 0 {
		i += len(s)
	}
	return i, nil
}

// Broadcast gives the shape in which a and b meet by NumPy's rule: aligned at
// the last dimension, equal or 1. ok is false where they don't.
func Broadcast(a, b Shape) (shape Shape, ok bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape = slices.Clone(a)
	off := len(a) - len(b)
	for i, d := range b {
		switch {
		case shape[off+i] == d || d == 1:
		case shape[off+i] == 1:
			shape[off+i] = d
		default:
			return nil, false
		}
	}
	return shape, true
}

// CheckShape refuses what no value can have: negative dimensions, more than
// MaxRank of them, or more bytes than an int64 can count.
func CheckShape(d DType, s Shape) error {
	if len(s) > MaxRank {
		return fmt.Errorf("shape %s has %d dimensions; the limit is %d", diag.Cut(s.String()), len(s), MaxRank)
	}
	empty := slices.Contains(s, 0)
	n := max(d.Size(), 1)
	for _, dim := range s {
		if dim < 0 {
			return fmt.Errorf("shape %s has a negative dimension", s)
		}
		if !empty {
			n = MulSize(n, dim)
		}
		if n == math.MaxInt { // where sizes end
			return fmt.Errorf("shape %s is too large: an %s tensor of that shape has more than 2^63 bytes", s, d)
		}
	}
	return nil
}

// Type is the type of a value: what its elements are and how many.
type Type struct {
	DType DType
	Shape Shape
}

// String gives the type as specs write it: "f32[1, 8]".
func (t Type) String() string { return t.DType.String() + t.Shape.String() }

// Equal reports whether dtype and shape agree.
func (t Type) Equal(u Type) bool { return t.DType == u.DType && t.Shape.Equal(u.Shape) }

// Bytes is the size of the value in memory; it saturates.
func (t Type) Bytes() int { return MulSize(t.Shape.Numel(), t.DType.Size()) }

// Scalar is the type of a single element.
func Scalar(d DType) Type { return Type{DType: d, Shape: Shape{}} }

// Sizes are counted with arithmetic that saturates: a sum or product beyond the
// largest int is the largest int. No memory has that many bytes, so it is refused
// wherever it is compared with one; a size that had wrapped around would pass.

// AddSize is the sum of sizes.
func AddSize(sizes ...int) int {
	total := 0
	for _, s := range sizes {
		if total > math.MaxInt-s {
			return math.MaxInt
		}
		total += s
	}
	return total
}

// MulSize is the product of two sizes.
func MulSize(a, b int) int {
	high, low := bits.Mul64(uint64(a), uint64(b))
	if high != 0 || low > math.MaxInt {
		return math.MaxInt
	}
	return int(low)
}
