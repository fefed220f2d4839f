package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Eq = ir.Register(kit.Comparison(&ir.Op{
	Name:     "eq",
	Operator: "==",
	Doc: `Whether a equals b, element by element.

a and b are broadcast against each other. NaN equals nothing, itself included.`,
	Example: `
a: i32[3] = [1, 2, 3]
eq(a, 2): bool[3] = [false, true, false]`,
	Commutative: true,
}, func(a, b float64) bool { return a == b }, func(a, b int64) bool { return a == b }))
