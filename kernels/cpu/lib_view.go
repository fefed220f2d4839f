package cpu

import (
	"slices"
	"unsafe"
)

// view gives a buffer's elements.
func view[T any](b Buffer) []T {
	n := numel(b.Shape)
	size := int(unsafe.Sizeof(*new(T)))
	if len(b.Data) != n*size {
		fail("a buffer of %d bytes for %s%v, which has %d", len(b.Data), b.DType, b.Shape, n*size)
	}
	if n == 0 {
		return nil
	}
	p := unsafe.Pointer(unsafe.SliceData(b.Data))
	if uintptr(p)%uintptr(size) != 0 {
		fail("the memory for %s%v isn't aligned to %d bytes", b.DType, b.Shape, size)
	}
	return unsafe.Slice((*T)(p), n)
}

// operand is one row of an elementwise operand: either an element for each
// place, or one for all.
type operand[T any] struct {
	p    unsafe.Pointer
	mask uintptr // all ones, or 0 to read the first element everywhere
}

// at gives element i. Its bounds are the binding's business: a loop calls it
// for the places of its output row only.
func (o operand[T]) at(i int) T {
	return *(*T)(unsafe.Add(o.p, (uintptr(i)&o.mask)*unsafe.Sizeof(*new(T))))
}

// row gives an operand that starts at element offset of x and goes on by stride,
// 1 or 0.
func row[T any](x []T, offset, stride int) operand[T] {
	return operand[T]{unsafe.Pointer(&x[offset]), uintptr(-stride)}
}

// numel is the number of elements of a shape.
func numel(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// stridesOf gives the distance in elements between neighbours in each dimension.
func stridesOf(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// split gives the number of elements before, in and after dimension d.
func split(shape []int, d int) (outer, n, inner int) {
	return numel(shape[:d]), shape[d], numel(shape[d+1:])
}

// sameShape refuses an output that isn't of the input's shape.
func sameShape(in, out Buffer) {
	if !slices.Equal(in.Shape, out.Shape) {
		fail("the output has the shape %v, the input %v", out.Shape, in.Shape)
	}
}

// mustBe refuses a buffer of another shape than the one computed.
func mustBe(b Buffer, shape []int) {
	if !slices.Equal(b.Shape, shape) {
		fail("%s%v was given where %v was expected", b.DType, b.Shape, shape)
	}
}

func nothing() {}
