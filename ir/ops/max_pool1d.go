package ops

import "github.com/flowrun/flowrun/ir"

var MaxPool1d = ir.Register(maxPooling(1, &ir.Op{
	Name: "max_pool1d",
	Doc: `The largest element of each window over the last dim of x.

A window that has a NaN gives NaN. Padding never counts. The gradient goes to the first
of equal elements.`,
	Example: `
x: f32[1, 5] = [[1, 3, 2, 5, 4]]
max_pool1d(x, 2): f32[1, 2] = [[3, 5]]`,
	Torch: "torch.nn.functional.max_pool1d",
}))
