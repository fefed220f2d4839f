package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Eq is the op eq.
var Eq = ir.Register(&ir.Op{
	Name:     "eq",
	Operator: "==",
	Doc: `eq(a, b): whether a is equal to b, element by element: a == b.

a and b are broadcast; the result is bool. NaN equals nothing, not itself either.

Example: eq([1, 2, 3], 2) = [false, true, false]`,
	Params:      kit.ParamsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Exact:       true,
	Infer:       kit.Compare,
	Reference: kit.EachComparison(
		func(a, b float64) bool { return a == b },
		func(a, b int64) bool { return a == b }),
})
