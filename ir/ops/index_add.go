package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var IndexAdd = ir.Register(writeSlices(&ir.Op{
	Name: "index_add",
	Doc: `x with slices of source added at an index along a dim.

For dim 0, x[index[i]] += source[i]. index is one-dimensional; source has the shape of
x but for dim, where it is as long as index. x and source have one dtype. What meets is
added in the order of index, so that every run gives the same bits. What an index out of
range would add is dropped.`,
	Compute: ir.ComputeWide,
	Example: `
x: i32[2, 2] = [[1, 1], [1, 1]]
index: i32[2] = [1, 1]
source: i32[2, 2] = [[1, 2], [3, 4]]
index_add(x, 0, index, source): i32[2, 2] = [[1, 1], [5, 7]]`,
	Params: paramsSlices(kit.Tensor("source", "the values to add")),
	Infer:  inferSlices("source"),
	Slack:  slackOfAddition,
	Sample: sampleSlices,
}, "sum"))
