package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Any is the op any.
var Any = ir.Register(&ir.Op{
	Name: "any",
	Doc: `any(x, dim=nil, keepdim=false): whether at least one element is true along some dims, or of all; bool.

Numbers count as true unless they are 0; NaN is true. Of nothing it is false.

Example: any([[true, false], [true, true]], dim=1) = [true, true]`,
	Params: kit.ParamsReduce,
	Class:  ir.Reduce,
	Infer:  inferTruth,
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return kit.EachRow(nil, func(v []int64) int64 {
			return kit.Truth(slices.Contains(v, 1))
		})(n, []*ir.Array{truths(in[0])})
	},
})
