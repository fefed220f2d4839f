package ops

import "github.com/flowrun/flowrun/ir"

var AdaptiveAvgPool1d = ir.Register(adaptiveAverage(1, &ir.Op{
	Name: "adaptive_avg_pool1d",
	Doc: `The mean of each of as many windows over the last dim of x as the result has elements.

The windows share x out as evenly as can be: window o of n begins at ⌊o·size/n⌋ and
ends before ⌈(o+1)·size/n⌉.`,
	Example: `
x: f32[1, 5] = [[1, 3, 2, 5, 4]]
adaptive_avg_pool1d(x, 2): f32[1, 2] = [[2, 3.6666667]]`,
	Torch: "torch.nn.functional.adaptive_avg_pool1d",
}))
