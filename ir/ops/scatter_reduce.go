package ops

import (
	"github.com/flowrun/flowrun/ir"
)

var ScatterReduce = ir.Register(scatter(&ir.Op{
	Name: "scatter_reduce",
	Doc: `x joined with the elements of src at an index along a dim.

reduce says what becomes of elements that meet: their sum, product, mean, maximum or
minimum. With include_self=false the element of x isn't among them where something is
written. A mean of integers is rounded down. The rest is as in scatter_add. Equal maxima
share the gradient.`,
	Compute: ir.ComputeWide,
	Example: `
x: f32[3] = [1, 2, 3]
index: i32[3] = [2, 0, 2]
src: f32[3] = [10, 20, 30]
scatter_reduce(x, 0, index, src, "amax"): f32[3] = [20, 2, 30]`,
	Params: append(paramsScatter[:4:4],
		ir.Param{Name: "reduce", Kind: ir.KString, Enum: []string{"sum", "prod", "mean", "amax", "amin"}, Doc: "how elements are joined"},
		ir.Param{Name: "include_self", Kind: ir.KBool, Default: true, Optional: true, Doc: "whether x takes part where something is written"}),
	Slack: func(c ir.Computed) ir.Slack { return slackOfScattering(c, c.Node.Str("reduce"), c.In[2].Len()) },
	Sample: func(s ir.Sampler) []any {
		args := sampleScatter(s)
		return append(args, []string{"sum", "mean", "amax", "amin", "prod"}[s.Int(0, 4)], s.Int(0, 1) == 1)
	},
}, func(n *ir.Node) (string, bool) { return n.Str("reduce"), n.Bool("include_self") }))
