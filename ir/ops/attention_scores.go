package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Gradients of gradients of attention are taken through simpler ops, which keep all
// scores.

// wide are operands in f32 at least.
func wide(b *ir.Builder, in []*ir.Node) []*ir.Node {
	all := make([]*ir.Node, len(in))
	for i, x := range in {
		all[i] = b.Cast(x, x.Type.DType.Wide())
	}
	return all
}

// attentionMatrices are a call's [heads of keys, heads that share one, queries, keys].
type attentionMatrices struct {
	b                         *ir.Builder
	a                         *attending
	query, key, g             *ir.Node // [heads of keys, heads that share one or 1, …]
	scores, unseen, gradients *ir.Node // gradients are those of the weights, but for dropout
	keep                      *ir.Node // nil without dropout
}

func matricesOf(b *ir.Builder, n, query, key, value, mask, g *ir.Node) *attentionMatrices {
	a := attendingOf(n)
	m := &attentionMatrices{b: b, a: a}
	m.query, m.g = m.apart(query), m.apart(g)
	m.key = b.Reshape(key, a.apart(key.Type.Shape, 1))
	limits := b.Add(b.BroadcastTo(mask, a.scoreShape()), a.limits(b, mask.Type.DType))
	m.scores = b.Add(b.Mul(b.Matmul(m.query, m.key, false, true), a.scale), m.apart(limits))
	m.unseen = b.Eq(m.scores, math.Inf(-1))
	m.gradients = b.Matmul(m.g, b.Reshape(value, a.apart(value.Type.Shape, 1)), false, true)
	if keep := a.keeping(b, query.Type.DType); keep != nil {
		m.keep = m.apart(keep)
	}
	return m
}

// apart gives heads of queries that share keys a dim of their own.
func (m *attentionMatrices) apart(x *ir.Node) *ir.Node {
	return m.b.Reshape(x, m.a.apart(x.Type.Shape, m.a.group))
}

// through is what dropout makes of weights or of their gradients.
func (m *attentionMatrices) through(x *ir.Node) *ir.Node {
	if m.keep == nil {
		return x
	}
	return m.b.Mul(x, m.keep)
}

// gradByScores writes attention_grad in terms of all scores.
func gradByScores(b *ir.Builder, n *ir.Node, in []*ir.Node) *ir.Node {
	m := matricesOf(b, n, in[0], in[1], in[2], in[3], in[4])
	a, rows := m.a, m.apart(in[5])
	fact := func(i int) *ir.Node { return b.Op("slice", rows, 3, i, i+1) }
	top := fact(rowTop)
	none := b.Where(b.Eq(top, math.Inf(-1)), 0.0, top)
	p := b.Div(b.Where(m.unseen, 0.0, b.Exp(b.Sub(b.Where(m.unseen, none, m.scores), none))),
		b.Where(b.Eq(fact(rowSum), 0.0), 1.0, fact(rowSum)))
	together := func(x *ir.Node) *ir.Node { return b.Reshape(b.Sum(x, []int{1}), n.Type.Shape) }
	if n.Int("of") == ofValue {
		return together(b.Matmul(m.through(p), m.g, true, false))
	}
	slope := b.Mul(p, b.Sub(m.through(m.gradients), fact(rowDelta)))
	switch n.Int("of") {
	case ofQuery:
		return b.Reshape(b.Mul(b.Matmul(slope, m.key, false, false), a.scale), n.Type.Shape)
	case ofKey:
		return together(b.Mul(b.Matmul(slope, m.query, true, false), a.scale))
	}
	return b.Reshape(slope, n.Type.Shape)
}

// apart is a shape with all heads of keys in one dim, and in another so many heads of
// queries that share one.
func (a *attending) apart(s ir.Shape, group int) ir.Shape {
	rank := len(s)
	return ir.Shape{a.heads / max(1, a.group), group, s[rank-2], s[rank-1]}
}

// limits are what places add to scores: 0, or -inf where a key isn't seen.
func (a *attending) limits(b *ir.Builder, d ir.DType) *ir.Node {
	index := func(n int, shape ir.Shape) *ir.Node {
		return b.Reshape(b.Op("arange", 0, n, 1, ir.I32), shape)
	}
	i, j := index(a.queries, ir.Shape{a.queries, 1}), index(a.keys, ir.Shape{1, a.keys})
	seen := b.Fill(ir.Type{DType: ir.Bool, Shape: ir.Shape{a.queries, a.keys}}, true)
	if a.causal {
		seen = b.And(seen, b.Le(j, i))
	}
	if a.window > 0 {
		seen = b.And(seen, b.And(b.Lt(b.Sub(j, i), a.window), b.Lt(b.Sub(i, j), a.window)))
	}
	return b.Cast(b.Where(seen, 0.0, math.Inf(-1)), d)
}

// keeping is what dropout multiplies each weight by, or nil: attention's own result for
// equal weights, whose values are a row each of the unit matrix.
func (a *attending) keeping(b *ir.Builder, d ir.DType) *ir.Node {
	if a.dropout == 0 {
		return nil
	}
	shape := func(rows, columns int) ir.Type {
		return ir.Type{DType: d, Shape: append(slices.Clone(a.batch), rows, columns)}
	}
	unit := b.BroadcastTo(b.Op("eye", a.keys, a.keys, d), shape(a.keys, a.keys).Shape)
	weights := b.Op("attention", b.Fill(shape(a.queries, 1), 0.0), b.Fill(shape(a.keys, 1), 0.0), unit, b.Scalar(d, 0.0),
		1.0, false, 0, a.dropout, a.stepNode, a.seed)
	return b.Mul(weights, float64(a.keys))
}
