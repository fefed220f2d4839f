package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Ge is the op ge.
var Ge = ir.Register(&ir.Op{
	Name:     "ge",
	Operator: ">=",
	Doc: `ge(a, b): whether a is at least b, element by element: a >= b.

a and b are broadcast; the result is bool. False where one of them is NaN.

Example: ge([1, 2, 3], 2) = [false, true, true]`,
	Params:  kit.ParamsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteAll,
	Exact:   true,
	Infer:   kit.Compare,
	Reference: kit.EachComparison(
		func(a, b float64) bool { return a >= b },
		func(a, b int64) bool { return a >= b }),
})
