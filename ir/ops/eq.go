package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Eq is the op eq.
var Eq = ir.Register(&ir.Op{
	Name:     "eq",
	Operator: "==",
	Family:   ir.Comparison,
	Doc: `Whether a equals b, element by element.

a and b are broadcast against each other. NaN equals nothing, itself included.`,
	Example: `
a: i32[3] = [1, 2, 3]
eq(a, 2): bool[3] = [false, true, false]`,
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
