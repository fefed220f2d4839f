package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Of which operand of attention attention_grad is the gradient. That of the scores is
// the mask's, before it is summed over what the mask was broadcast to.
const (
	ofQuery = iota
	ofKey
	ofValue
	ofScores
)

// AttentionGrad computes the weights anew and keeps none.
var AttentionGrad = ir.Register(&ir.Op{
	Name: "attention_grad",
	Doc: `The gradient of attention for its query, key, value or scores.

With a weight p = exp(score - top) / sum and what dropout multiplies it by, the score's
gradient is p · (dropout · g·value - delta), the value's the sum of p · dropout · g. g is the
gradient of attention's result, and rows has top, sum and delta of each query, as
attention_rows gives them.`,
	Params:   attentionGradParams(),
	Class:    ir.Other,
	Products: productsOfAttention(2, 1),
	Promote:  ir.PromoteAll,
	Random:   true,
	Infer:    inferAttentionGrad,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return append(kit.Through(b, n.Inputs[:6], g, func(in []*ir.Node) *ir.Node {
			return b.Cast(gradByScores(b, n, wide(b, in)), n.Type.DType)
		}), nil)
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		eachSlope(n, in, false, func(at int, v float64) { out.F[at] += v })
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		// Each term is off by its weight's exponent, of which rows has a part; by the
		// products of g and value, of which each term is as large as the sum of
		// magnitudes; and by the additions.
		a := attendingOf(c.Node)
		size := ir.NewArray(c.Node.Type)
		eachSlope(c.Node, c.In, true, func(at int, v float64) { size.F[at] += v })
		terms := float64(a.keys + a.group*a.queries + a.features)
		factor := 2*(a.scoreError(c)+c.Unit*kit.MaxAbs(c.In[5])) + c.Unit*(terms+16)
		return func(i int) float64 { return factor * size.F[i] }
	},
	Sample: func(s ir.Sampler) []any {
		d := sampleAttention(s)
		rows := append(slices.Clone(d.scores[:len(d.scores)-1]), rowFacts)
		return []any{s.Tensor(d.query), s.Tensor(d.key), s.Tensor(d.value), s.Tensor(s.Part(d.scores)),
			s.Tensor(d.result()), s.Between(1, 3, rows), s.Int(ofQuery, ofScores), d.scale / 4, d.causal, d.window, d.dropout}
	},
})

func attentionGradParams() []ir.Param {
	operands := []string{"query", "key", "value", "mask", "g", "rows"}
	params := attentionParams(operands, true)
	of := ir.Param{Name: "of", Kind: ir.KInt, Doc: "of which operand: 0 query, 1 key, 2 value, 3 the scores"}
	params[len(operands)-1].Own = true // rows, in f32 for f16 and bf16
	return append(append(append([]ir.Param{}, params[:len(operands)]...), of), params[len(operands):]...)
}

func inferAttentionGrad(n *ir.Node) (ir.Type, error) {
	if err := inferAttention(n); err != nil {
		return ir.Type{}, err
	}
	a := attendingOf(n)
	rows := append(slices.Clone(a.batch), a.queries)
	if err := fitRows(n, 4, append(slices.Clone(rows), a.features)); err != nil {
		return ir.Type{}, err
	}
	if err := fitRows(n, 5, append(slices.Clone(rows), rowFacts)); err != nil {
		return ir.Type{}, err
	}
	if d, of := n.Inputs[5].Type.DType, n.Inputs[0].Type.DType; d != of && d != of.Wide() {
		return ir.Type{}, ir.Argf("rows", "rows must be %s, as attention_rows gives them; %s", of.Wide(), kit.Named(n, 5))
	}
	t := ir.Type{DType: n.Inputs[0].Type.DType}
	switch of := n.Int("of"); of {
	case ofQuery, ofKey, ofValue:
		t.Shape = n.Inputs[of].Type.Shape
	case ofScores:
		t.Shape = a.scoreShape()
	default:
		return t, ir.Argf("of", "of must be from 0 to 3, got %d", of)
	}
	return t, nil
}

// eachSlope gives every term of every element of the gradient, or its magnitude.
func eachSlope(n *ir.Node, in []*ir.Array, magnitude bool, add func(at int, v float64)) {
	a := attendingOf(n)
	a.reads(in[0], in[1], in[2], in[3])
	a.draws(n, in[6])
	size := func(v float64) float64 {
		if magnitude {
			return math.Abs(v)
		}
		return v
	}
	g, rows, of := in[4].F, in[5].F, n.Int("of")
	for row := range a.heads * a.queries {
		h, i := row/a.queries, row%a.queries
		for j := range a.keys {
			s := a.score(h, i, j)
			if math.IsInf(s, -1) {
				continue
			}
			facts := rows[row*rowFacts:]
			p, keep, kv := math.Exp(s-facts[rowTop])/facts[rowSum], a.keep(h, i, j), h/a.group*a.keys+j
			if of == ofValue {
				for f := range a.features {
					if p*keep == 0 {
						break
					}
					add(kv*a.features+f, size(p*keep*g[row*a.features+f]))
				}
				continue
			}
			product := 0.0
			for f := range a.features {
				product += size(g[row*a.features+f] * a.value[kv*a.features+f])
			}
			slope := p * (keep*product - facts[rowDelta])
			if magnitude {
				slope = math.Abs(p) * (keep*product + math.Abs(facts[rowDelta]))
			}
			for d := range a.depth {
				switch of {
				case ofQuery:
					add(row*a.depth+d, size(slope*a.scale*a.key[kv*a.depth+d]))
				case ofKey:
					add(kv*a.depth+d, size(slope*a.scale*a.query[row*a.depth+d]))
				}
			}
			if of == ofScores {
				add(row*a.keys+j, slope)
			}
		}
	}
}
