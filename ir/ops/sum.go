package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Sum = ir.Register(kit.Reduction(&ir.Op{
	Name: "sum",
	Doc: `The sum of the elements along some dims, or of all.

Sums of bools, u8 and i32 are i64. The sum of no elements is 0.`,
	Example: `
x: f32[2, 2] = [[1, 2], [3, 4]]
sum(x, dim=0): f32[2] = [4, 6]`,
	Aliases:   "reduce_sum",
	Infer:     accumulate,
	Grad:      func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{kit.Spread(b, n, g)} },
	Reference: kit.EachRow(total[float64], total[int64]),
	Slack: func(c ir.Computed) ir.Slack {
		// Terms are added in f64, or as exactly.
		size, n := kit.Magnitudes(c), float64(c.In[0].Len())
		return func(i int) float64 { return kit.U64 * n * size[i] }
	},
}))

// accumulate is the type rule of sums and products: of narrow integers they are
// i64, as in PyTorch.
func accumulate(n *ir.Node) (ir.Type, error) {
	d := n.Inputs[0].Type.DType
	if !d.IsFloat() {
		d = ir.I64
	}
	return kit.ReducedTo(n, d)
}

func total[T int64 | float64](v []T) T {
	var s T
	for _, x := range v {
		s += x
	}
	return s
}
