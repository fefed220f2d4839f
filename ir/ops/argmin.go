package ops

import (
	"github.com/flowrun/flowrun/ir"
)

var Argmin = ir.Register(position(&ir.Op{
	Name: "argmin",
	Doc: `The index of the smallest element along a dim, or among all.

The first of equal elements counts, and NaN counts as the smallest. Without dim the
index is into x flattened. PyTorch's result is i64.`,
	Compute: ir.ComputeAsGiven,
	Example: `
x: i32[2, 3] = [[1, 5, 5], [4, 2, 2]]
argmin(x, dim=1): i32[2] = [0, 1]`,
}, func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b }))
