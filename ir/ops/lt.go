package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Lt = ir.Register(kit.Comparison(&ir.Op{
	Name:     "lt",
	Operator: "<",
	Doc: `Whether a is less than b, element by element.

a and b are broadcast against each other. The result is false where a or b is NaN.`,
	Example: `
a: i32[3] = [1, 2, 3]
lt(a, 2): bool[3] = [true, false, false]`,
}, func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b }))
