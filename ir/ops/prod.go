package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Prod = ir.Register(kit.Reduction(&ir.Op{
	Name: "prod",
	Doc: `The product of the elements along some dims, or of all.

Products of bools, u8 and i32 are i64. The product of no elements is 1.`,
	Example: `
x: f32[2, 2] = [[1, 2], [3, 4]]
prod(x, dim=1): f32[2] = [2, 12]`,
	Aliases: "reduce_prod",
	Infer:   accumulate,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		others := b.Op("prod_of_others", n.Inputs[0], n.Ints("dim"))
		return []*ir.Node{b.Mul(kit.Unreduced(b, n, g), others)}
	},
	Reference: kit.EachRow(rowProduct[float64], rowProduct[int64]),
	Slack: func(c ir.Computed) ir.Slack {
		u := kit.U64
		if c.FromSource {
			u += c.Unit
		}
		return kit.Relative(c, u*float64(c.In[0].Len()))
	},
}))

func rowProduct[T int64 | float64](v []T) T {
	p := T(1)
	for _, x := range v {
		p *= x
	}
	return p
}
