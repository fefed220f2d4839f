package ops

import "github.com/flowrun/flowrun/ir"

var AdaptiveAvgPool3d = ir.Register(adaptiveAverage(3, &ir.Op{
	Name: "adaptive_avg_pool3d",
	Doc: `The mean of each of as many windows over the last three dims of x as the result has elements.

The windows share x out as evenly as can be: window o of n begins at ⌊o·size/n⌋ and
ends before ⌈(o+1)·size/n⌉.`,
	Example: `
x: f32[1, 1, 1, 5] = [[[[1, 3, 2, 5, 4]]]]
adaptive_avg_pool3d(x, [1, 1, 2]): f32[1, 1, 1, 2] = [[[[2, 3.6666667]]]]`,
	Torch: "torch.nn.functional.adaptive_avg_pool3d",
}))
