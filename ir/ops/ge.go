package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Ge = ir.Register(kit.Comparison(&ir.Op{
	Name:     "ge",
	Operator: ">=",
	Doc: `Whether a is at least b, element by element.

a and b are broadcast against each other. The result is false where a or b is NaN.`,
	Example: `
a: i32[3] = [1, 2, 3]
ge(a, 2): bool[3] = [false, true, true]`,
}, func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b }))
