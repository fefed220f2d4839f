package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var LogicalNot = ir.Register(&ir.Op{
	Name:     "logical_not",
	Operator: "not",
	Family:   ir.Comparison,
	Doc: `Whether x is false, element by element.

Numbers are true unless they are 0; NaN is true.`,
	Example: `
x: bool[2] = [true, false]
logical_not(x): bool[2] = [false, true]`,
	Params:    []ir.Param{kit.ParamX},
	Class:     ir.Elementwise,
	Exact:     true,
	Infer:     kit.TestOf,
	Reference: kit.EachTest(func(v float64) bool { return v == 0 }),
})
