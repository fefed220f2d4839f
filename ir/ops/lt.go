package ops

import "github.com/flowrun/flowrun/ir"

// Lt is the op lt.
var Lt = ir.Register(&ir.Op{
	Name: "lt",
	Doc: `lt(a, b): whether a is less than b, element by element: a < b.

a and b are broadcast; the result is bool. Nothing is less than NaN, nor NaN than anything.

Example: lt([1, 2, 3], 2) = [true, false, false]`,
	Params:  paramsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteAll,
	Infer:   compare,
	Reference: eachComparison(
		func(a, b float64) bool { return a < b },
		func(a, b int64) bool { return a < b }),
})
