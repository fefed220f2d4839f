package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// MaxPoolIndex is the op max_pool_index: where max_pool finds what it takes. Specs can't
// call it.
var MaxPoolIndex = ir.Register(&ir.Op{
	Name: "max_pool_index",
	Doc: `The place of the first largest element of each window over the last dims of x.

It counts in row-major order along those dims, and is -1 for a window without elements.`,
	Params: append([]ir.Param{kit.ParamX}, paramsWindows...),
	Class:  ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseNonNumber(n, 0); err != nil {
			return ir.Type{}, err
		}
		return inferWindowed(n, ir.Type{DType: ir.I32, Shape: n.Inputs[0].Type.Shape})
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return &ir.Array{Type: n.Type, I: indexOfLargest(windowsOf(n), n.Type.Shape.Numel(), in[0])}
	},
	Sample: func(s ir.Sampler) []any {
		shape, w := sampleWindows(s)
		return append([]any{s.Rows(shape)}, windowArguments(w)...)
	},
})
