package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var All = ir.Register(truth(&ir.Op{
	Name: "all",
	Doc: `Whether all elements along some dims are true, or all there are.

Numbers are true unless they are 0; NaN is true. Of no elements the result is
true.`,
	Example: `
x: bool[2, 2] = [[true, false], [true, true]]
all(x, dim=1): bool[2] = [false, true]`,
}, func(v []int64) bool { return !slices.Contains(v, 0) }))

// truth is a reduction of what is true of the elements.
func truth(op *ir.Op, f func(v []int64) bool) *ir.Op {
	op.Infer = func(n *ir.Node) (ir.Type, error) { return kit.ReducedTo(n, ir.Bool) }
	rows := kit.EachRow(nil, func(v []int64) int64 { return kit.Truth(f(v)) })
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array { return rows(n, []*ir.Array{truths(in[0])}) }
	return kit.Reduction(op)
}

// truths gives for each element whether it is true.
func truths(x *ir.Array) *ir.Array {
	out := ir.NewArray(ir.Type{DType: ir.Bool, Shape: x.Type.Shape})
	for i := range out.I {
		out.I[i] = kit.Truth(x.At(i) != 0)
	}
	return out
}
