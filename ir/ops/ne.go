package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Ne = ir.Register(kit.Comparison(&ir.Op{
	Name:     "ne",
	Operator: "!=",
	Doc: `Whether a differs from b, element by element.

a and b are broadcast against each other. NaN differs from everything, itself included.`,
	Example: `
a: i32[3] = [1, 2, 3]
ne(a, 2): bool[3] = [true, false, true]`,
	Commutative: true,
}, func(a, b float64) bool { return a != b }, func(a, b int64) bool { return a != b }))
