package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Any is the op any.
var Any = ir.Register(&ir.Op{
	Name:   "any",
	Family: ir.Reductions,
	Doc: `Whether any element along some dims is true, or any at all.

Numbers are true unless they are 0; NaN is true. Of no elements the result is
false.`,
	Example: `
x: bool[2, 2] = [[true, false], [true, true]]
any(x, dim=1): bool[2] = [true, true]`,
	Params: kit.ParamsReduce,
	Class:  ir.Reduce,
	Infer:  inferTruth,
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return kit.EachRow(nil, func(v []int64) int64 {
			return kit.Truth(slices.Contains(v, 1))
		})(n, []*ir.Array{truths(in[0])})
	},
	Sample: kit.SampleReduction(false),
})
