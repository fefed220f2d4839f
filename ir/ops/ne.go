package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Ne is the op ne.
var Ne = ir.Register(&ir.Op{
	Name:     "ne",
	Operator: "!=",
	Doc: `ne(a, b): whether a is different from b, element by element: a != b.

a and b are broadcast; the result is bool. NaN differs from everything, from itself too.

Example: ne([1, 2, 3], 2) = [true, false, true]`,
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
