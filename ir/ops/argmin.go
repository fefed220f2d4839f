package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Argmin is the op argmin.
var Argmin = ir.Register(&ir.Op{
	Name:   "argmin",
	Family: ir.Reductions,
	Doc: `The index of the smallest element along a dim, or among all.

The first of equal elements counts, and NaN counts as the smallest. Without dim the
index is into x flattened. PyTorch's result is i64.`,
	Example: `
x: i32[2, 3] = [[1, 5, 5], [4, 2, 2]]
argmin(x, dim=1): i32[2] = [0, 1]`,
	Params: []ir.Param{
		kit.ParamX,
		{Name: "dim", Kind: ir.KDims, Optional: true, Doc: "one dim; all of x by default"},
		kit.ParamKeepdim,
	},
	Class:     ir.Reduce,
	Infer:     inferArg,
	Reference: referenceArg(func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b }),
	Sample:    kit.SampleArg,
})
