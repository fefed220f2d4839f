package kit

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Indices. Kernels can't fail, and a wrong index must not go unnoticed: reading
// out of range gives NaN (0 or false if the dtype has no NaN), and writing out of
// range does nothing.

// Nothing is the value at an index out of range, in normal form.
func Nothing(d ir.DType) any {
	if d.IsFloat() {
		return math.NaN()
	}
	return NumberOf(d, 0)
}

// RefuseIndex checks operand i as the index of gather and scatter_add, and
// normalises dim.
func RefuseIndex(n *ir.Node, i int) error {
	if err := RefuseIndexDType(n, i); err != nil {
		return err
	}
	x, index := n.Inputs[0].Type.Shape, n.Inputs[i].Type.Shape
	dim, err := NormDim(n, x)
	if err != nil {
		return err
	}
	if len(x) != len(index) {
		return ir.Argf("index", "index must have as many dims as x; %s, %s", Named(n, 0), Named(n, i))
	}
	for d := range x {
		if d != dim && index[d] > x[d] {
			return ir.Argf("index", "index is larger than x in dim %d, which isn't indexed; %s, %s", d, Named(n, 0), Named(n, i))
		}
	}
	return nil
}

func RefuseIndexDType(n *ir.Node, i int) error {
	if !n.Inputs[i].Type.DType.IsInt() {
		return RefuseDType(n.OperandName(i), `convert it with cast(…, "i32")`, "indices must be integers; %s", Named(n, i))
	}
	return nil
}

// Indexed lists, for each element of an index, which element of a value it
// names, -1 if none.
func Indexed(shape ir.Shape, dim int, index *ir.Array) []int {
	strides := shape.Strides()
	step := strides[dim]
	strides[dim] = 0
	offs := Offsets(index.Type.Shape, strides, 0)
	for i, at := range index.I {
		if at < 0 || at >= int64(shape[dim]) {
			offs[i] = -1
		} else {
			offs[i] += int(at) * step
		}
	}
	return offs
}
