package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Argmax is the op argmax.
var Argmax = ir.Register(&ir.Op{
	Name:   "argmax",
	Family: ir.Reductions,
	Doc: `The index of the largest element along a dim, or among all.

The first of equal elements counts, and NaN counts as the largest. Without dim the
index is into x flattened. PyTorch's result is i64.`,
	Example: `
x: i32[2, 3] = [[1, 5, 5], [4, 2, 2]]
argmax(x, dim=1): i32[2] = [1, 0]`,
	Params: []ir.Param{
		kit.ParamX,
		{Name: "dim", Kind: ir.KDims, Optional: true, Doc: "one dim; all of x by default"},
		kit.ParamKeepdim,
	},
	Class:     ir.Reduce,
	Infer:     inferArg,
	Reference: referenceArg(func(a, b float64) bool { return a > b }, func(a, b int64) bool { return a > b }),
	Sample:    kit.SampleArg,
})

func inferArg(n *ir.Node) (ir.Type, error) {
	x := n.Inputs[0].Type
	if given := n.Ints("dim"); len(given) > 1 && len(given) != len(x.Shape) {
		return ir.Type{}, ir.Argf("dim", "%s looks along one dim, or over all of x; dim is %v", n.Op.Name, ir.Shape(given))
	}
	t, err := inferExtreme(n)
	t.DType = ir.I32
	return t, err
}

func referenceArg(better func(a, b float64) bool, betterInt func(a, b int64) bool) kit.ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := kit.Rows(in[0].Type.Shape, n.Ints("dim"))
		for i := range out.I {
			row := offs[i*length : (i+1)*length]
			best := 0
			for j, at := range row {
				if in[0].F != nil {
					v, top := in[0].F[at], in[0].F[row[best]]
					if better(v, top) || v != v && top == top {
						best = j
					}
				} else if betterInt(in[0].I[at], in[0].I[row[best]]) {
					best = j
				}
			}
			out.I[i] = int64(best)
		}
		return out
	}
}
