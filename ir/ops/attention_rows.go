package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// What attention_rows gives of a query.
const (
	rowTop   = iota // its largest score
	rowSum          // the sum of the exponentials of its scores, less the largest
	rowDelta        // the sum of its weights times their gradients
	rowFacts        // how many these are
)

// AttentionRows is what the gradients of attention need beside its operands, instead of
// all weights. The largest score is apart from the sum: one number for both, their
// logarithm, would have lost the sum's digits beside a score of 10,000.
var AttentionRows = ir.Register(&ir.Op{
	Name: "attention_rows",
	Doc: `Of each query its largest score, the sum of exponentials of its scores less that, and delta.

g is the gradient of attention's result, [..., queries, features], and delta the sum over
keys of a weight times its own gradient, which is g·value. The result is [..., queries,
3], in f32 for f16 and bf16. A query that sees no key has -inf, 0 and 0.`,
	Params:   attentionParams([]string{"query", "key", "value", "mask", "g"}, true),
	Class:    ir.Other,
	Products: productsOfAttention(1, 1),
	Promote:  ir.PromoteAll,
	Random:   true,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := inferAttention(n); err != nil {
			return ir.Type{}, err
		}
		a := attendingOf(n)
		rows := append(a.batch, a.queries)
		if err := fitRows(n, 4, append(slices.Clone(rows), a.features)); err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: n.Inputs[0].Type.DType.Wide(), Shape: append(rows, rowFacts)}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return append(kit.Through(b, n.Inputs[:5], g, func(in []*ir.Node) *ir.Node { return rowsByScores(b, n, wide(b, in)) }), nil)
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		a, out := attendingOf(n), ir.NewArray(n.Type)
		a.reads(in[0], in[1], in[2], in[3])
		a.draws(n, in[5])
		weights := make([]float64, a.keys)
		for row := range a.heads * a.queries {
			h, i := row/a.queries, row%a.queries
			top, sum := a.weigh(weights, h, i)
			delta := 0.0
			for j, w := range weights {
				if w != 0 {
					delta += w / sum * a.keep(h, i, j) * a.gradient(in[4].F, h, i, j)
				}
			}
			copy(out.F[row*rowFacts:], []float64{top, sum, delta})
		}
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		// The largest score is off as any; the sum as the exponents of its terms, of at
		// most 1; delta by its weights and the products that they multiply.
		a := attendingOf(c.Node)
		score, keys := a.scoreError(c), float64(a.keys)
		products := float64(a.features) * kit.MaxAbs(c.In[2]) * kit.MaxAbs(c.In[4]) * a.most()
		slack := [rowFacts]float64{score, keys * (2*score + c.Unit*(keys+16)),
			products * (2*score + c.Unit*(2*keys+float64(a.features)+32))}
		return func(i int) float64 { return slack[i%rowFacts] }
	},
	Sample: func(s ir.Sampler) []any {
		d := sampleAttention(s)
		rank := len(d.key) // -inf has no slope: each query sees a key, unless the mask hides it
		d.key[rank-2] = max(d.key[rank-2], 1)
		d.value[rank-2], d.scores[rank-1] = d.key[rank-2], d.key[rank-2]
		if d.window <= d.query[rank-2]-d.key[rank-2] {
			d.window = 0
		}
		return []any{s.Tensor(d.query), s.Tensor(d.key), s.Tensor(d.value), s.Rows(s.Part(d.scores)), s.Tensor(d.result()),
			d.scale, d.causal, d.window, d.dropout}
	},
})

// fitRows says that operand i isn't of the shape that queries give it.
func fitRows(n *ir.Node, i int, want ir.Shape) error {
	if n.Inputs[i].Type.Shape.Equal(want) {
		return nil
	}
	return ir.Argf(n.OperandName(i), "%s must be %s; %s", n.OperandName(i), want, kit.Named(n, i))
}

// gradient is that of a weight, but for dropout: g·value.
func (a *attending) gradient(g []float64, h, i, j int) (sum float64) {
	kv := h/a.group*a.keys + j
	for f := range a.features {
		sum += g[(h*a.queries+i)*a.features+f] * a.value[kv*a.features+f]
	}
	return sum
}

// rowsByScores writes attention_rows in terms of all scores.
func rowsByScores(b *ir.Builder, n *ir.Node, in []*ir.Node) *ir.Node {
	m := matricesOf(b, n, in[0], in[1], in[2], in[3], in[4])
	top := b.Op("max", m.scores, 3, true)
	none := b.Where(b.Eq(top, math.Inf(-1)), 0.0, top)
	weights := b.Where(m.unseen, 0.0, b.Exp(b.Sub(b.Where(m.unseen, none, m.scores), none)))
	sum := b.Sum(weights, []int{3})
	delta := b.Div(b.Sum(b.Mul(weights, m.through(m.gradients)), []int{3}), b.Where(b.Eq(sum, 0.0), 1.0, sum))
	return b.Reshape(b.Op("concat", []any{top, sum, delta}, 3), n.Type.Shape)
}
