package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var QRQ = ir.Register(factorOfQR(&ir.Op{
	Name: "qr_q",
	Doc: `The factor q of each matrix x = q r, with orthonormal columns.

x is [..., m, n], and q [..., m, k] with k the lesser of m and n. qr gives both factors,
and says more of them.`,
	Example: `
x: f32[2, 1] = [[3], [4]]
qr_q(x): f32[2, 1] = [[-0.6], [-0.8]]`,
	Grad: widely(func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{gradOfQR(b, n.Inputs[0], n, b.Op("qr_r", n.Inputs[0]), g, nil)}
	}),
}, true))

var QRR = ir.Register(factorOfQR(&ir.Op{
	Name: "qr_r",
	Doc: `The factor r of each matrix x = q r, an upper triangle.

x is [..., m, n], and r [..., k, n] with k the lesser of m and n. qr gives both factors,
and says more of them.`,
	Example: `
x: f32[2, 1] = [[3], [4]]
qr_r(x): f32[1, 1] = [[-5]]`,
	Grad: widely(func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{gradOfQR(b, n.Inputs[0], b.Op("qr_q", n.Inputs[0]), n, nil, g)}
	}),
}, false))

// factorOfQR is what the ops of both factors share.
func factorOfQR(op *ir.Op, isQ bool) *ir.Op {
	op.Family, op.Class, op.Torch = ir.LinearAlgebra, ir.Other, "torch.linalg.qr"
	op.Compute, op.Promote = ir.ComputeWide, ir.PromoteFloat
	op.Params = []ir.Param{kit.Tensor("x", "matrices: [..., m, n]")}
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		if err := refuseNonMatrices(n, 0, false); err != nil {
			return x, err
		}
		shape := slices.Clone(x.Shape)
		at := len(shape) - 2
		if isQ {
			at++
		}
		shape[at] = min(shape[len(shape)-2], shape[len(shape)-1])
		return ir.Type{DType: x.DType, Shape: shape}, nil
	}
	op.Reference = referenceQR(isQ)
	op.Slack = func(c ir.Computed) ir.Slack {
		// Householder's factors are the exact ones of a matrix that is off by some mn
		// roundings; how far that turns them, the condition of r's square part says.
		s := c.In[0].Type.Shape
		m, n := s[len(s)-2], s[len(s)-1]
		worst := worstCondition(c.In[0], func(x dense) dense {
			_, r := reflected(x, n)
			r = r[:min(m, n)]
			for i := range r {
				r[i] = r[i][:len(r)]
			}
			return r
		})
		return matrixSlack(c, max(m, n), worst)
	}
	op.Sample = func(s ir.Sampler) []any {
		shape := s.Shape(2)
		for i := len(shape) - 2; i < len(shape); i++ {
			shape[i] = min(shape[i], largestDrawn)
		}
		return []any{s.Dominant(shape)}
	}
	return op
}

// gradOfQR is x's gradient from those of q and r, of which one is nil.
//
// Where x has no more columns than rows, it is (gq + q·s)·r⁻ᵀ, where s is symmetric with
// the upper triangle of gr·rᵀ - qᵀ·gq. Columns beyond those, y, only give r's
// columns qᵀ·y: their gradient is q·gr there, and gq gains y·grᵀ.
func gradOfQR(b *ir.Builder, x, q, r, gq, gr *ir.Node) *ir.Node {
	s := x.Type.Shape
	m, n := s[len(s)-2], s[len(s)-1]
	var rest *ir.Node // the gradient of the columns beyond
	if m < n {
		beyond := func(of *ir.Node) *ir.Node { return b.Op("slice", of, -1, m, n) }
		square := func(of *ir.Node) *ir.Node { return b.Op("slice", of, -1, 0, m) }
		if r = square(r); gr == nil {
			shape := append(slices.Clone(s[:len(s)-1]), n-m)
			rest = b.Fill(ir.Type{DType: x.Type.DType, Shape: shape}, 0.0)
		} else {
			rest = b.Matmul(q, beyond(gr), false, false)
			gq, gr = b.Matmul(beyond(x), beyond(gr), false, true), square(gr)
		}
	}
	var inner *ir.Node
	if gr != nil {
		inner = b.Matmul(gr, r, false, true)
	}
	if gq != nil {
		turn := b.Matmul(q, gq, true, false)
		if inner == nil {
			inner = b.Neg(turn)
		} else {
			inner = b.Sub(inner, turn)
		}
	}
	mirrored := b.Add(b.Op("triu", inner), turned(b, b.Op("triu", inner, 1)))
	sum := b.Matmul(q, mirrored, false, false)
	if gq != nil {
		sum = b.Add(gq, sum)
	}
	grad := b.Op("triangular_solve", turned(b, r), sum, false, false)
	if rest != nil {
		return b.Op("concat", []any{grad, rest}, -1)
	}
	return grad
}

func referenceQR(isQ bool) kit.ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, s := ir.NewArray(n.Type), in[0].Type.Shape
		rows, cols := s[len(s)-2], s[len(s)-1]
		k := min(rows, cols)
		at := 0
		for from := 0; from < in[0].Len(); from += rows * cols {
			q, r := reflected(denseAt(in[0].F, from, rows, cols), cols)
			if isQ {
				for _, row := range q {
					at += copy(out.F[at:], row[:k])
				}
				continue
			}
			for _, row := range r[:k] {
				at += copy(out.F[at:], row)
			}
		}
		return out
	}
}

// reflected gives a matrix's factors q, of all its columns, and r: it multiplies with
// Householder's reflections, each written out as a matrix. A column without anything
// below the diagonal is left as it is, so that a 1 by 1 matrix keeps its sign.
func reflected(r dense, cols int) (q, of dense) {
	m := len(r)
	q = identity(m)
	for j := range min(m, cols) {
		below := 0.0
		for i := j + 1; i < m; i++ {
			below = math.Hypot(below, r[i][j])
		}
		if below == 0 {
			continue
		}
		v := make([]float64, m)
		v[j] = r[j][j] + math.Copysign(math.Hypot(r[j][j], below), r[j][j])
		square := v[j] * v[j]
		for i := j + 1; i < m; i++ {
			v[i] = r[i][j]
			square += v[i] * v[i]
		}
		h := identity(m)
		for i := range h {
			for k := range h {
				h[i][k] -= 2 * v[i] * v[k] / square
			}
		}
		r, q = h.times(r, cols), q.times(h, m)
		for i := j + 1; i < m; i++ {
			r[i][j] = 0
		}
	}
	return q, r
}
