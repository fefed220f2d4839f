package ops

import (
	"github.com/flowrun/flowrun/ir"
)

var Scatter = ir.Register(scatter(&ir.Op{
	Name: "scatter",
	Doc: `x with elements of src, or a number, in place of those at an index along a dim.

For dim 1, x[i, index[i, j]] = src[i, j]. index has as many dims as x, and in all dims but
dim is at most as large as x; of src, what lies beyond index isn't used. Of elements that
meet, the last stays; PyTorch doesn't say which. What an index out of range would write is
dropped.`,
	Example: `
x: i32[1, 3] = [[1, 2, 3]]
index: i32[1, 2] = [[2, 0]]
src: i32[1, 2] = [[10, 20]]
scatter(x, 1, index, src): i32[1, 3] = [[20, 2, 10]]`,
	Aliases: "scatter_ put_along_axis",
	Params:  paramsScatter,
	Sample:  sampleScatter,
}, func(*ir.Node) (string, bool) { return "last", true }))
