package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Prod is the op prod.
var Prod = ir.Register(&ir.Op{
	Name:   "prod",
	Family: ir.Reductions,
	Doc: `The product of the elements along some dims, or of all.

Products of bools and i32 are i64. The product of no elements is 1.`,
	Example: `
x: f32[2, 2] = [[1, 2], [3, 4]]
prod(x, dim=1): f32[2] = [2, 12]`,
	Aliases: "reduce_prod",
	Params:  kit.ParamsReduce,
	Class:   ir.Reduce,
	Infer:   accumulate,
	Grad:    gradProd,
	Reference: kit.EachRow(
		func(v []float64) float64 {
			p := 1.0
			for _, x := range v {
				p *= x
			}
			return p
		},
		func(v []int64) int64 {
			p := int64(1)
			for _, x := range v {
				p *= x
			}
			return p
		}),
	Slack: func(c ir.Computed) ir.Slack {
		u := kit.U64
		if c.FromSource {
			u += c.Unit
		}
		return kit.Relative(c, u*float64(c.In[0].Len()))
	},
	Sample: kit.SampleReduction(false),
})

// gradProd gives each element the product of all others.
func gradProd(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	return []*ir.Node{b.Mul(kit.Unreduced(b, n, g), b.Op("prod_of_others", n.Inputs[0], n.Ints("dim")))}
}
