package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// LogicalAnd is the op logical_and.
var LogicalAnd = ir.Register(&ir.Op{
	Name:     "logical_and",
	Operator: "and",
	Doc: `logical_and(a, b): whether both of a and b are true, element by element.

Numbers count as true unless they are 0; NaN is true. a and b are broadcast.

Example: logical_and([true, true, false], [true, false, false]) = [true, false, false]`,
	Params:      kit.ParamsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Exact:       true,
	Infer:       kit.Compare,
	Reference: kit.EachComparison(
		func(a, b float64) bool { return a != 0 && b != 0 },
		func(a, b int64) bool { return a != 0 && b != 0 }),
})
