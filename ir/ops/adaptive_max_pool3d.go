package ops

import "github.com/flowrun/flowrun/ir"

var AdaptiveMaxPool3d = ir.Register(adaptiveMax(3, &ir.Op{
	Name: "adaptive_max_pool3d",
	Doc: `The largest element of each of as many windows over the last three dims of x as the result has elements.

The windows share x out as evenly as can be: window o of n begins at ⌊o·size/n⌋ and
ends before ⌈(o+1)·size/n⌉.
A window that has a NaN gives NaN. The gradient goes to the first of equal elements.`,
	Example: `
x: f32[1, 1, 1, 5] = [[[[1, 3, 2, 5, 4]]]]
adaptive_max_pool3d(x, [1, 1, 2]): f32[1, 1, 1, 2] = [[[[3, 5]]]]`,
	Torch: "torch.nn.functional.adaptive_max_pool3d",
}))
