package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Logsumexp = ir.Register(&ir.Op{
	Name:   "logsumexp",
	Family: ir.Reductions,
	Doc: `log(sum(exp(x))) along some dims, without overflow.

Of no elements it is -inf.`,
	Example: `
x: f32[2, 2] = [[0, 0], [1000, 0]]
logsumexp(x, dim=1): f32[2] = [0.6931472, 1000]`,
	Aliases: "reduce_logsumexp",
	Params: []ir.Param{
		kit.ParamX,
		{Name: "dim", Kind: ir.KDims, Doc: "the dims to reduce"},
		kit.ParamKeepdim,
	},
	Class:   ir.Reduce,
	Flops:   4, // maximum, difference, exp, sum
	Promote: ir.PromoteFloat,
	Infer:   func(n *ir.Node) (ir.Type, error) { return kit.ReducedTo(n, n.Inputs[0].Type.DType) },
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		weight := b.Exp(b.Sub(n.Inputs[0], kit.Unreduced(b, n, n)))
		return []*ir.Node{b.Mul(kit.Unreduced(b, n, g), weight)}
	},
	Reference: kit.EachRow(func(v []float64) float64 {
		top := shift(v)
		return top + math.Log(sumExp(v, top))
	}, nil),
	Slack:  slackOfLogarithm,
	Sample: kit.SampleReduction(false),
})

// shift is subtracted before exponentials, so that they don't overflow: the
// largest value, if it is finite.
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

// slackOfLogarithm: the exponential in Go is good to 1e-10 for f32. For f64 the
// reference's own sum and logarithm count, of rows that are within ±10 or have one
// element.
func slackOfLogarithm(c ir.Computed) ir.Slack {
	slack := 1e-9
	if c.Node.Type.DType == ir.F64 {
		slack = 16 * kit.U64 * 10
	}
	if c.FromSource {
		// The sum's relative error is the result's absolute one: exponentials of 3
		// units, of arguments rounded once and below 8, the additions, and the
		// logarithm's 3 units of a value below 9 (of 5,000 terms it is 8.6 at most);
		// then two sums of values below 12, e to the 3 times as many.
		slack += c.Unit * (6 + 8 + c.Terms + 6*9 + 2*12)
	}
	return kit.Constant(slack)
}
