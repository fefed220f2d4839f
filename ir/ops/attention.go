package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Attention is what scaled_dot_product_attention is made of: the mask is there
// always, and added; what isn't limited has a limit that nothing reaches.
var Attention = ir.Register(&ir.Op{
	Name: "attention",
	Doc: `softmax(query keyᵀ scale + mask) value, over the keys that a query sees.

A key with a score of -inf isn't seen. A query that sees none gets 0. With dropout, a
key isn't counted in, or its weight becomes keep times as much.`,
	Params:   attentionParams([]string{"query", "key", "value", "mask"}, true),
	Class:    ir.Other,
	Sums:     true,
	Products: productsOfAttention(1, 1),
	Promote:  ir.PromoteAll,
	Random:   true,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := inferAttention(n); err != nil {
			return ir.Type{}, err
		}
		a := attendingOf(n)
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: append(a.batch, a.queries, a.features)}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		a, in := attendingOf(n), n.Inputs
		rows := b.Apply(AttentionRows, in[0], in[1], in[2], in[3], g, a.scale, a.causal, a.window, a.dropout, a.stepNode, a.seed)
		slopes := make([]*ir.Node, len(in))
		for of := ofQuery; of <= ofScores; of++ {
			slopes[of] = b.Apply(AttentionGrad, in[0], in[1], in[2], in[3], g, rows, of,
				a.scale, a.causal, a.window, a.dropout, a.stepNode, a.seed)
		}
		slopes[ofScores] = b.SumTo(slopes[ofScores], in[ofScores])
		return slopes
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		a, out := attendingOf(n), ir.NewArray(n.Type)
		a.reads(in[0], in[1], in[2], in[3])
		a.draws(n, in[4])
		weights := make([]float64, a.keys)
		for row := range a.heads * a.queries {
			h, i := row/a.queries, row%a.queries
			top, sum := a.weigh(weights, h, i)
			if math.IsInf(top, -1) {
				continue
			}
			for j, w := range weights {
				if w *= a.keep(h, i, j) / sum; w == 0 {
					continue // it adds nothing, whatever the value is
				}
				for f := range a.features {
					out.F[row*a.features+f] += w * a.value[(h/a.group*a.keys+j)*a.features+f]
				}
			}
		}
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		// A weight's relative error is that of its exponent, in which the largest score
		// has been subtracted, so twice a score's, and of the sum of weights; all weights
		// together are 1, or what dropout makes of it.
		a := attendingOf(c.Node)
		exponent := 2 * a.scoreError(c)
		sums := c.Unit * (2*float64(a.keys) + 32)
		return kit.Constant((exponent + sums) * kit.MaxAbs(c.In[2]) * a.most())
	},
	Sample: func(s ir.Sampler) []any {
		d := sampleAttention(s)
		return []any{s.Tensor(d.query), s.Tensor(d.key), s.Tensor(d.value), s.Rows(s.Part(d.scores)),
			d.scale, d.causal, d.window, d.dropout}
	},
})

// attentionParams are the parameters of an op of attention: some operands, what
// limits who sees whom, and dropout.
func attentionParams(operands []string, dropout bool) (params []ir.Param) {
	for _, name := range operands {
		params = append(params, kit.Tensor(name, "floats"))
	}
	params = append(params,
		kit.FloatOr("scale", 1, "the factor of the products"),
		kit.Flag("is_causal", "whether query i sees keys 0 to i only"),
		kit.IntegerOr("window", 0, "query i sees keys less than so many places from i only; 0: all"))
	if !dropout {
		return params
	}
	return append(params,
		kit.FloatOr("dropout_p", 0, "the probability that a weight becomes 0"),
		ir.Param{Name: "step", Kind: ir.KTensor, Own: true, Hidden: true, Doc: "the step counter, i64[]"},
		ir.Param{Name: "seed", Kind: ir.KInt, Hidden: true, Doc: "the node's key"},
		derived("keep", "what other weights are multiplied by: 1 / (1 - dropout_p), or 0 where none is left"))
}

// productsOfAttention counts, of each pair of a query and a key, so many products as
// queries are deep, and so many as values are.
func productsOfAttention(depths, features int) func(*ir.Node) int {
	return func(n *ir.Node) int {
		a := attendingOf(n)
		pairs := ir.MulSize(ir.MulSize(a.heads, a.queries), a.keys)
		return ir.MulSize(pairs, depths*a.depth+features*a.features)
	}
}
