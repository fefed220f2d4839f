package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Sum is the op sum.
var Sum = ir.Register(&ir.Op{
	Name: "sum",
	Doc: `sum(x, dim=nil, keepdim=false): the sum over some dims, or over all.

The sum of bools and i32 is i64, of others their own dtype; of nothing it is 0.
f16 and bf16 are added up in f32.

Example: sum([[1.0, 2.0], [3.0, 4.0]], dim=0) = [4.0, 6.0]`,
	Params: kit.ParamsReduce,
	Class:  ir.Reduce,
	Infer:  accumulate,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{kit.Spread(b, n, g)}
	},
	Reference: kit.EachRow(
		func(v []float64) float64 { return total(v) },
		func(v []int64) int64 {
			s := int64(0)
			for _, x := range v {
				s += x
			}
			return s
		}),
})

// accumulate is the type rule of sums and products: of narrow integers they are
// i64, as in PyTorch.
func accumulate(n *ir.Node) (ir.Type, error) {
	shape, err := kit.ReduceShape(n)
	d := n.Inputs[0].Type.DType
	if !d.IsFloat() {
		d = ir.I64
	}
	return ir.Type{DType: d, Shape: shape}, err
}

func total(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}
