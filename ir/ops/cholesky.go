package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Cholesky = ir.Register(&ir.Op{
	Name:   "cholesky",
	Family: ir.LinearAlgebra,
	Doc: `The Cholesky factor of each symmetric positive definite matrix of x.

x is [..., n, n]. The factor l is a lower triangle with l lᵀ = x; with upper it is the
upper triangle lᵀ. It is that of x's symmetric part (x + xᵀ) / 2; PyTorch reads one
triangle of x. For a matrix that isn't positive definite, where PyTorch raises an
error, all of its result is NaN. It is computed in f64 and rounded once, on the CPU only.`,
	Example: `
x: f32[2, 2] = [[4, 2], [2, 10]]
cholesky(x): f32[2, 2] = [[2, 0], [1, 3]]`,
	Torch: "torch.linalg.cholesky",
	Params: []ir.Param{
		kit.Tensor("x", "symmetric positive definite matrices: [..., n, n]"),
		kit.Flag("upper", "whether to give the upper triangle"),
	},
	Class:   ir.Other,
	Compute: ir.ComputeWide,
	Promote: ir.PromoteFloat,
	Infer: func(n *ir.Node) (ir.Type, error) {
		return n.Inputs[0].Type, refuseNonMatrices(n, 0, true)
	},
	Grad: widely(func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// Of x = l·lᵀ: the lower triangle of lᵀ·g, mirrored, between the inverses of lᵀ and l.
		l := n
		if n.Bool("upper") {
			l, g = turned(b, n), turned(b, g)
		}
		inner := b.Matmul(l, g, true, false)
		mirrored := b.Add(b.Op("tril", inner), turned(b, b.Op("tril", inner, -1)))
		half := b.Op("triangular_solve", turned(b, l), mirrored, true)
		return []*ir.Node{b.Mul(b.Op("triangular_solve", l, half, false, false), 0.5)}
	}),
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, s := ir.NewArray(n.Type), n.Type.Shape
		size := s[len(s)-1]
		for at := 0; at < out.Len(); at += size * size {
			l := factored(denseAt(in[0].F, at, size, size))
			for r := range size {
				for c := range size {
					to := at + r*size + c
					if n.Bool("upper") {
						to = at + c*size + r
					}
					out.F[to] = l[r][c]
				}
			}
		}
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		return matrixSlack(c, lastSize(c.In[0]), worstCondition(c.In[0], symmetric))
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(2)
		size := min(shape[len(shape)-1], largestDrawn)
		shape[len(shape)-2], shape[len(shape)-1] = size, size
		return []any{s.Dominant(shape), s.Int(0, 1) == 1}
	},
})

// symmetric is the symmetric part of a matrix.
func symmetric(m dense) dense {
	for r := range m {
		for c := range r {
			m[r][c] = m[r][c]/2 + m[c][r]/2
			m[c][r] = m[r][c]
		}
	}
	return m
}

// factored eliminates below the diagonal, one column after the other: what is divided by
// a root of its pivot is the column of the factor. NaN if a pivot isn't positive.
func factored(m dense) dense {
	symmetric(m)
	l := newDense(len(m), len(m))
	for c := range m {
		if pivot := m[c][c]; !(pivot > 0) || math.IsInf(pivot, 0) {
			for r := range l {
				for i := range l[r] {
					l[r][i] = math.NaN()
				}
			}
			return l
		}
		for r := c; r < len(m); r++ {
			l[r][c] = m[r][c] / math.Sqrt(m[c][c])
			if r == c {
				continue
			}
			factor := m[r][c] / m[c][c]
			for i := c + 1; i < len(m); i++ {
				m[r][i] -= factor * m[c][i]
			}
		}
	}
	return l
}
