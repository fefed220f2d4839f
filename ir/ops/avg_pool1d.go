package ops

import "github.com/flowrun/flowrun/ir"

var AvgPool1d = ir.Register(averagePooling(1, &ir.Op{
	Name: "avg_pool1d",
	Doc: `The mean of each window over the last dim of x.

Padding counts as zeros, unless count_include_pad is false.`,
	Example: `
x: f32[1, 5] = [[1, 3, 2, 5, 4]]
avg_pool1d(x, 2): f32[1, 2] = [[2, 3.5]]`,
	Torch: "torch.nn.functional.avg_pool1d",
}))
