package ops

import "github.com/flowrun/flowrun/ir"

var AvgPool3d = ir.Register(averagePooling(3, &ir.Op{
	Name: "avg_pool3d",
	Doc: `The mean of each window over the last three dims of x.

Padding counts as zeros, unless count_include_pad is false.`,
	Example: `
x: f32[1, 2, 1, 4] = [[[[1, 3, 2, 5]], [[4, 0, 9, 1]]]]
avg_pool3d(x, [2, 1, 2]): f32[1, 1, 1, 2] = [[[[2, 4.25]]]]`,
	Torch: "torch.nn.functional.avg_pool3d",
}))
