package ops

import (
	"github.com/flowrun/flowrun/ir"
)

var ScatterAdd = ir.Register(scatter(&ir.Op{
	Name: "scatter_add",
	Doc: `x with the elements of src added at an index along a dim.

For dim 1, x[i, index[i, j]] += src[i, j]. index has as many dims as x, and in all dims
but dim is at most as large as x; of src, what lies beyond index isn't used. x and src
have one dtype. What meets is added in the order of index, so that every run gives the
same bits. What an index out of range would add is dropped.`,
	Compute: ir.ComputeWide,
	Example: `
x: i32[1, 3] = [[1, 2, 3]]
index: i32[1, 3] = [[2, 0, 2]]
src: i32[1, 3] = [[10, 20, 30]]
scatter_add(x, 1, index, src): i32[1, 3] = [[21, 2, 43]]`,
	Aliases: "index_put",
	Params:  paramsScatter,
	Slack:   slackOfAddition,
	Sample:  sampleScatter,
}, func(*ir.Node) (string, bool) { return "sum", true }))

func slackOfAddition(c ir.Computed) ir.Slack { return slackOfScattering(c, "sum", c.In[2].Len()) }
