package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// LogicalOr is the op logical_or.
var LogicalOr = ir.Register(&ir.Op{
	Name:     "logical_or",
	Operator: "or",
	Doc: `logical_or(a, b): whether at least one of a and b is true, element by element.

Numbers count as true unless they are 0; NaN is true. a and b are broadcast.

Example: logical_or([true, true, false], [true, false, false]) = [true, true, false]`,
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
