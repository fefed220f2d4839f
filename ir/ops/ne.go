package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Ne is the op ne.
var Ne = ir.Register(&ir.Op{
	Name:     "ne",
	Operator: "!=",
	Family:   ir.Comparison,
	Doc: `Whether a differs from b, element by element.

a and b are broadcast against each other. NaN differs from everything, itself included.`,
	Example: `
a: i32[3] = [1, 2, 3]
ne(a, 2): bool[3] = [true, false, true]`,
	Params:      kit.ParamsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Exact:       true,
	Infer:       kit.Compare,
	Reference: kit.EachComparison(
		func(a, b float64) bool { return a != b },
		func(a, b int64) bool { return a != b }),
})
