package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Argmin is the op argmin.
var Argmin = ir.Register(&ir.Op{
	Name: "argmin",
	Doc: `argmin(x, dim=nil, keepdim=false): the index of the smallest value along a dim, or in all of x as laid out in memory; i32.

The first of equals counts, and NaN as the smallest.

Example: argmin([[1, 5, 5], [4, 2, 2]], dim=1) = [0, 1]`,
	Params: []ir.Param{
		kit.ParamX,
		{Name: "dim", Kind: ir.KDims, Optional: true, Doc: "one dim; all of x by default"},
		kit.ParamKeepdim,
	},
	Class:     ir.Reduce,
	Infer:     inferArg,
	Reference: referenceArg(func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b }),
})
