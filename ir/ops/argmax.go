package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Argmax = ir.Register(position(&ir.Op{
	Name: "argmax",
	Doc: `The index of the largest element along a dim, or among all.

The first of equal elements counts, and NaN counts as the largest. Without dim the
index is into x flattened. PyTorch's result is i64.`,
	Compute: ir.ComputeAsGiven,
	Example: `
x: i32[2, 3] = [[1, 5, 5], [4, 2, 2]]
argmax(x, dim=1): i32[2] = [1, 0]`,
}, func(a, b float64) bool { return a > b }, func(a, b int64) bool { return a > b }))

// position is an op that finds an element along a dim: the first which no other is
// better than.
func position(op *ir.Op, better func(a, b float64) bool, betterInt func(a, b int64) bool) *ir.Op {
	op.Family, op.Class, op.Sample = ir.Reductions, ir.Reduce, kit.SampleArg
	op.Params = []ir.Param{
		kit.ParamX,
		{Name: "dim", Kind: ir.KDims, Optional: true, Doc: "one dim; all of x by default"},
		kit.ParamKeepdim,
	}
	op.Infer = inferPosition
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := kit.Rows(in[0].Type.Shape, n.Ints("dim"))
		for i := range out.I {
			row := offs[i*length : (i+1)*length]
			if in[0].F != nil {
				out.I[i] = bestOf(row, in[0].F, better)
			} else {
				out.I[i] = bestOf(row, in[0].I, betterInt)
			}
		}
		return out
	}
	return op
}

func inferPosition(n *ir.Node) (ir.Type, error) {
	x := n.Inputs[0].Type
	if given := n.Ints("dim"); len(given) > 1 && len(given) != len(x.Shape) {
		return ir.Type{}, ir.Argf("dim", "%s reduces one dim, or all of x; dim is %v", n.Op.Name, ir.Shape(given))
	}
	t, err := inferExtreme(n)
	t.DType = ir.I32
	return t, err
}

// bestOf is the index of the best element of a row; NaN is better than any number.
func bestOf[T int64 | float64](row []int, x []T, better func(a, b T) bool) int64 {
	best := 0
	for j, at := range row {
		if v, top := x[at], x[row[best]]; better(v, top) || v != v && top == top {
			best = j
		}
	}
	return int64(best)
}
