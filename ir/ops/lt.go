package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Lt is the op lt.
var Lt = ir.Register(&ir.Op{
	Name:     "lt",
	Operator: "<",
	Doc: `lt(a, b): whether a is less than b, element by element: a < b.

a and b are broadcast; the result is bool. Nothing is less than NaN, nor NaN than anything.

Example: lt([1, 2, 3], 2) = [true, false, false]`,
	Params:  kit.ParamsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteAll,
	Exact:   true,
	Infer:   kit.Compare,
	Reference: kit.EachComparison(
		func(a, b float64) bool { return a < b },
		func(a, b int64) bool { return a < b }),
})
