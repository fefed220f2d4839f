package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var IndexCopy = ir.Register(writeSlices(&ir.Op{
	Name: "index_copy",
	Doc: `x with slices of source in place of those at an index along a dim.

For dim 0, x[index[i]] = source[i]. index is one-dimensional; source has the shape of
x but for dim, where it is as long as index. x and source have one dtype. Of slices that
meet, the last stays. What an index out of range would write is dropped.`,
	Example: `
x: i32[3, 2] = [[1, 1], [1, 1], [1, 1]]
index: i32[2] = [2, 0]
source: i32[2, 2] = [[1, 2], [3, 4]]
index_copy(x, 0, index, source): i32[3, 2] = [[3, 4], [1, 1], [1, 2]]`,
	Params: paramsSlices(kit.Tensor("source", "the values to write")),
	Infer:  inferSlices("source"),
	Sample: sampleSlices,
}, "last"))
