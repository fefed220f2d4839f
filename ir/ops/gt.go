package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Gt is the op gt.
var Gt = ir.Register(&ir.Op{
	Name:     "gt",
	Operator: ">",
	Doc: `gt(a, b): whether a is greater than b, element by element: a > b.

a and b are broadcast; the result is bool. False where one of them is NaN.

Example: gt([1, 2, 3], 2) = [false, false, true]`,
	Params:  kit.ParamsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteAll,
	Exact:   true,
	Infer:   kit.Compare,
	Reference: kit.EachComparison(
		func(a, b float64) bool { return a > b },
		func(a, b int64) bool { return a > b }),
})
