package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var IndexFill = ir.Register(writeSlices(&ir.Op{
	Name: "index_fill",
	Doc: `x with one value in all slices at an index along a dim.

For dim 0, x[index[i]] = value. index is one-dimensional. What an index out of range would
write is dropped.`,
	Example: `
x: i32[3, 2] = [[1, 2], [3, 4], [5, 6]]
index: i32[2] = [2, 0]
index_fill(x, 0, index, 9): i32[3, 2] = [[9, 9], [3, 4], [9, 9]]`,
	Params: paramsSlices(kit.Tensor("value", "a number, or a tensor of one")),
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseNonNumber(n, 0); err != nil {
			return ir.Type{}, err
		}
		x, value := n.Inputs[0].Type, n.Inputs[2].Type
		if len(value.Shape) > 0 {
			return ir.Type{}, ir.Argf("value", "value must be a number or a tensor without dims; %s", kit.Named(n, 2))
		}
		if x.DType != value.DType && (n.Inputs[2].Op != ir.ConstOp || value.DType.IsFloat() && !x.DType.IsFloat()) {
			return ir.Type{}, refuseOther(n, 2, "value")
		}
		_, err := refuseSliceIndex(n)
		return x, err
	},
	Sample: func(s ir.Sampler) []any {
		args := sampleSlices(s)
		return append(args[:3], s.Tensor(ir.Shape{}))
	},
}, "last"))
