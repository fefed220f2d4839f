package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Le is the op le.
var Le = ir.Register(&ir.Op{
	Name:     "le",
	Operator: "<=",
	Doc: `le(a, b): whether a is at most b, element by element: a <= b.

a and b are broadcast; the result is bool. False where one of them is NaN.

Example: le([1, 2, 3], 2) = [true, true, false]`,
	Params:  kit.ParamsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteAll,
	Exact:   true,
	Infer:   kit.Compare,
	Reference: kit.EachComparison(
		func(a, b float64) bool { return a <= b },
		func(a, b int64) bool { return a <= b }),
})
