package ops

import "github.com/flowrun/flowrun/ir"

var MaxPool2d = ir.Register(maxPooling(2, &ir.Op{
	Name: "max_pool2d",
	Doc: `The largest element of each window over the last two dims of x.

A window that has a NaN gives NaN. Padding never counts. The gradient goes to the first
of equal elements, row by row.`,
	Example: `
x: f32[1, 2, 4] = [[[1, 3, 2, 5], [4, 0, 9, 1]]]
max_pool2d(x, 2): f32[1, 1, 2] = [[[4, 9]]]`,
	Torch: "torch.nn.functional.max_pool2d",
}))
