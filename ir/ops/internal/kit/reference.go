package kit

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// References are written to be read: tables of offsets find an element's operands,
// whatever the op does to shapes.

type ReferenceFunc = func(n *ir.Node, in []*ir.Array) *ir.Array

// Offsets lists where the elements of a strided view lie, in row-major order.
func Offsets(shape ir.Shape, strides []int, start int) []int {
	out := make([]int, 0, shape.Numel())
	if shape.Numel() == 0 {
		return out
	}
	index := make([]int, len(shape))
	for at := start; ; {
		out = append(out, at)
		d := len(shape) - 1
		for ; d >= 0; d-- {
			index[d]++
			at += strides[d]
			if index[d] < shape[d] {
				break
			}
			at -= index[d] * strides[d]
			index[d] = 0
		}
		if d < 0 {
			return out
		}
	}
}

// BroadcastOffsets lists, for each element of a value of shape to, which element
// of a value of shape from it is.
func BroadcastOffsets(from, to ir.Shape) []int {
	strides := make([]int, len(to))
	lead := len(to) - len(from)
	for i, s := range from.Strides() {
		if from[i] != 1 {
			strides[lead+i] = s
		}
	}
	return Offsets(to, strides, 0)
}

// Rows lists the offsets of a value's elements so that those which differ only
// in dims follow each other, in runs of the length given.
func Rows(shape ir.Shape, dims []int) (offs []int, length int) {
	strides := shape.Strides()
	var viewShape ir.Shape
	var viewStrides []int
	for pass := range 2 {
		for i, d := range shape {
			if slices.Contains(dims, i) == (pass == 1) {
				viewShape = append(viewShape, d)
				viewStrides = append(viewStrides, strides[i])
			}
		}
	}
	length = 1
	for _, d := range dims {
		length *= shape[d]
	}
	return Offsets(viewShape, viewStrides, 0), length
}

// Pick makes an array of the elements at offsets.
func Pick(t ir.Type, x *ir.Array, offs []int) *ir.Array {
	out := ir.NewArray(t)
	for i, at := range offs {
		Copy(out, i, x, at)
	}
	return out
}

// Put writes the elements of x at offsets of out.
func Put(out, x *ir.Array, offs []int) {
	for i, at := range offs {
		Copy(out, at, x, i)
	}
}

// Copy makes element i of out the element at of x.
func Copy(out *ir.Array, i int, x *ir.Array, at int) {
	if out.F != nil {
		out.F[i] = x.F[at]
	} else {
		out.I[i] = x.I[at]
	}
}

// Wrap brings an integer into the range of its dtype as machines do.
func Wrap(d ir.DType, v int64) int64 {
	if d == ir.I32 {
		return int64(int32(v))
	}
	return v
}

func Truth(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// EachFloat evaluates an elementwise op that exists for floats only.
func EachFloat(f func(float64) float64) ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		for i, v := range in[0].F {
			out.F[i] = f(v)
		}
		return out
	}
}

// EachNumber evaluates an elementwise op of one operand, in its own dtype.
func EachNumber(f func(float64) float64, fi func(int64) int64) ReferenceFunc {
	floats := EachFloat(f)
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		if in[0].F != nil {
			return floats(n, in)
		}
		out := ir.NewArray(n.Type)
		for i, v := range in[0].I {
			out.I[i] = Wrap(n.Type.DType, fi(v))
		}
		return out
	}
}

// EachTest evaluates an elementwise test. Integers are given to it as floats,
// which keeps whether they are zero, finite or NaN.
func EachTest(f func(float64) bool) ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		for i := range out.I {
			out.I[i] = Truth(f(in[0].At(i)))
		}
		return out
	}
}

// EachPair evaluates a binary op over broadcast operands.
func EachPair(f func(a, b float64) float64, fi func(a, b int64) int64) ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		a, b := BroadcastOffsets(in[0].Type.Shape, n.Type.Shape), BroadcastOffsets(in[1].Type.Shape, n.Type.Shape)
		for i := range out.Len() {
			if out.F != nil {
				out.F[i] = f(in[0].F[a[i]], in[1].F[b[i]])
			} else {
				out.I[i] = Wrap(n.Type.DType, fi(in[0].I[a[i]], in[1].I[b[i]]))
			}
		}
		return out
	}
}

// EachComparison evaluates a comparison over broadcast operands.
func EachComparison(f func(a, b float64) bool, fi func(a, b int64) bool) ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		a, b := BroadcastOffsets(in[0].Type.Shape, n.Type.Shape), BroadcastOffsets(in[1].Type.Shape, n.Type.Shape)
		for i := range out.I {
			if in[0].F != nil {
				out.I[i] = Truth(f(in[0].F[a[i]], in[1].F[b[i]]))
			} else {
				out.I[i] = Truth(fi(in[0].I[a[i]], in[1].I[b[i]]))
			}
		}
		return out
	}
}

// EachRow evaluates a reduction over the dims of the attribute dim. fi may be
// nil for ops that give floats.
func EachRow(f func([]float64) float64, fi func([]int64) int64) ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := Rows(in[0].Type.Shape, n.Ints("dim"))
		floats, ints := make([]float64, length), make([]int64, length)
		for i := range out.Len() {
			row := offs[i*length : (i+1)*length]
			if in[0].F != nil {
				out.F[i] = f(gatherRow(floats, in[0].F, row))
			} else {
				out.I[i] = Wrap(n.Type.DType, fi(gatherRow(ints, in[0].I, row)))
			}
		}
		return out
	}
}

func gatherRow[T any](dst, src []T, row []int) []T {
	for i, at := range row {
		dst[i] = src[at]
	}
	return dst
}

// AlongRow evaluates an op that maps each row along the attribute dim to a
// row of the same length.
func AlongRow(f func(out, v []float64), fi func(out, v []int64)) ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := Rows(in[0].Type.Shape, []int{n.Int("dim")})
		for start := 0; start < len(offs); start += length {
			row := offs[start : start+length]
			if in[0].F != nil {
				mapRow(f, out.F, in[0].F, row)
			} else {
				mapRow(fi, out.I, in[0].I, row)
			}
		}
		for i, v := range out.I {
			out.I[i] = Wrap(n.Type.DType, v)
		}
		return out
	}
}

func mapRow[T any](f func(out, v []T), out, x []T, row []int) {
	from, to := make([]T, len(row)), make([]T, len(row))
	f(to, gatherRow(from, x, row))
	for i, at := range row {
		out[at] = to[i]
	}
}
