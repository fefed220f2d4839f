package cpu

import "unsafe"

// reshape: the same elements in another shape.
//
// x [...] → out, any shape of as many elements. Bound by bytes.
func init() { register("reshape", copied) }

// copied binds a plain copy, whatever the elements are.
func copied(a *Args) func() {
	x, out := a.input(0), a.Output
	if x.DType != out.DType || len(x.Data) != len(out.Data) {
		fail("%s%v can't be laid out as %s%v", x.DType, x.Shape, out.DType, out.Shape)
	}
	return func() { copy(out.Data, x.Data) }
}

// copiedForm is copied as an elementwise kernel.
var copiedForm = form{bind: copied, part: func(a *Args) strip {
	size := dtypeSize(a.Output.DType)
	return func(out unsafe.Pointer, in *operands, n int) {
		copy(stretch[byte](out, n*size), stretch[byte](in[0], n*size))
	}
}}
