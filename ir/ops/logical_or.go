package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// LogicalOr is the op logical_or.
var LogicalOr = ir.Register(&ir.Op{
	Name:     "logical_or",
	Operator: "or",
	Family:   ir.Comparison,
	Doc: `Whether a or b is true, or both are, element by element.

Numbers are true unless they are 0; NaN is true. a and b are broadcast against
each other.`,
	Example: `
a: bool[3] = [true, true, false]
b: bool[3] = [true, false, false]
logical_or(a, b): bool[3] = [true, true, false]`,
	Params:      kit.ParamsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Exact:       true,
	Infer:       kit.Compare,
	Reference: kit.EachComparison(
		func(a, b float64) bool { return a != 0 || b != 0 },
		func(a, b int64) bool { return a != 0 || b != 0 }),
})
