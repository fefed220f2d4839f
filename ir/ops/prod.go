package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Prod is the op prod.
var Prod = ir.Register(&ir.Op{
	Name: "prod",
	Doc: `prod(x, dim=nil, keepdim=false): the product over some dims, or over all.

The product of bools and i32 is i64, of others their own dtype; of nothing it is 1.
f16 and bf16 are multiplied in f32.

Example: prod([[1.0, 2.0], [3.0, 4.0]], dim=1) = [2.0, 12.0]`,
	Params: kit.ParamsReduce,
	Class:  ir.Reduce,
	Infer:  accumulate,
	Grad:   gradProd,
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
})

// gradProd gives each element the product of all others.
func gradProd(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	return []*ir.Node{b.Mul(kit.Unreduced(b, n, g), b.Op("prod_of_others", n.Inputs[0], n.Ints("dim")))}
}
