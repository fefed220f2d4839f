package ops

import "github.com/flowrun/flowrun/ir"

var AvgPool2d = ir.Register(averagePooling(2, &ir.Op{
	Name: "avg_pool2d",
	Doc: `The mean of each window over the last two dims of x.

Padding counts as zeros, unless count_include_pad is false.`,
	Example: `
x: f32[1, 2, 4] = [[[1, 3, 2, 5], [4, 0, 9, 1]]]
avg_pool2d(x, 2): f32[1, 1, 2] = [[[2, 4.25]]]`,
	Torch: "torch.nn.functional.avg_pool2d",
}))
