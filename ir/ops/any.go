package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

var Any = ir.Register(truth(&ir.Op{
	Name: "any",
	Doc: `Whether any element along some dims is true, or any at all.

Numbers are true unless they are 0; NaN is true. Of no elements the result is
false.`,
	Example: `
x: bool[2, 2] = [[true, false], [true, true]]
any(x, dim=1): bool[2] = [true, true]`,
}, func(v []int64) bool { return slices.Contains(v, 1) }))
