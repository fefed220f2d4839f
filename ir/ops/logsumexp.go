package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Logsumexp is the op logsumexp.
var Logsumexp = ir.Register(&ir.Op{
	Name: "logsumexp",
	Doc: `logsumexp(x, dim, keepdim=false): log(sum(exp(x))) over some dims, without overflow.

Integers and bools count as f32. Of nothing it is -inf.

Example: logsumexp([[0.0, 0.0], [1000.0, 0.0]], dim=1) = [0.69314718, 1000.0]`,
	Params: []ir.Param{
		kit.ParamX,
		{Name: "dim", Kind: ir.KDims, Doc: "the dims to reduce"},
		kit.ParamKeepdim,
	},
	Class:   ir.Reduce,
	Promote: ir.PromoteFloat,
	Infer: func(n *ir.Node) (ir.Type, error) {
		shape, err := kit.ReduceShape(n)
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: shape}, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		weight := b.Exp(b.Sub(n.Inputs[0], kit.Unreduced(b, n, n)))
		return []*ir.Node{b.Mul(kit.Unreduced(b, n, g), weight)}
	},
	Reference: kit.EachRow(func(v []float64) float64 {
		top := shift(v)
		return top + math.Log(sumExp(v, top))
	}, nil),
})

// shift is what is taken off before exponentials, so that they don't overflow:
// the largest value, if it is finite.
func shift(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	if top := slices.Max(v); !math.IsInf(top, 0) {
		return top
	}
	return 0
}

func sumExp(v []float64, top float64) float64 {
	s := 0.0
	for _, x := range v {
		s += math.Exp(x - top)
	}
	return s
}
