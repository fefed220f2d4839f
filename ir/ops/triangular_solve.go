package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var TriangularSolve = ir.Register(&ir.Op{
	Name:   "triangular_solve",
	Family: ir.LinearAlgebra,
	Doc: `The solution x of a x = b for triangular matrices a; with left=false, of x a = b.

a is [..., n, n], b is [..., n, k], or [..., k, n] with left=false; the dims before the
last two are broadcast. Its arguments are those of torch.linalg.solve_triangular, not of
the older torch.triangular_solve. Only the triangle that upper names is read. For a
matrix with a 0 on its diagonal, where PyTorch gives inf and NaN, all of its result is
NaN. It is computed in f64 and rounded once, on the CPU only.`,
	Example: `
a: f32[2, 2] = [[2, 0], [1, 4]]
b: f32[2, 1] = [[2], [9]]
triangular_solve(a, b, upper=false): f32[2, 1] = [[1], [2]]`,
	Torch:   "torch.linalg.solve_triangular",
	Aliases: "solve_triangular",
	Params: []ir.Param{
		kit.Tensor("a", "triangular matrices: [..., n, n]"),
		kit.Tensor("b", "the right-hand side: [..., n, k]"),
		{Name: "upper", Kind: ir.KBool, Doc: "whether a's upper triangle counts, not its lower one"},
		{Name: "left", Kind: ir.KBool, Optional: true, Default: true, Doc: "whether to solve a x = b, not x a = b"},
		kit.Flag("unitriangular", "whether to take the diagonal of a as ones"),
	},
	Class:   ir.Other,
	Compute: ir.ComputeWide,
	Promote: ir.PromoteFloat,
	Infer: func(n *ir.Node) (ir.Type, error) {
		e, err := equationsOf(n, false)
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: e.shape()}, err
	},
	Grad: widely(func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		upper, unit := n.Bool("upper"), n.Bool("unitriangular")
		toB := b.Op("triangular_solve", turned(b, n.Inputs[0]), g, !upper, n.Bool("left"), unit)
		diagonal := 0
		if unit {
			diagonal = 1
		}
		toA := gradOfEquations(b, n, n, toB)
		if upper {
			toA = b.Op("triu", toA, diagonal)
		} else {
			toA = b.Op("tril", toA, -diagonal)
		}
		return []*ir.Node{toA, toB}
	}),
	Reference: referenceEquations(false, triangleOf),
	Slack: func(c ir.Computed) ir.Slack {
		return matrixSlack(c, lastSize(c.In[0]), worstCondition(c.In[0], func(m dense) dense {
			triangleOf(c.Node, m)
			return m
		}))
	},
	Sample: func(s ir.Sampler) []any {
		a, b, left := sampleEquations(s)
		return []any{a, b, s.Int(0, 1) == 1, left, s.Int(0, 1) == 1}
	},
})

// gradOfEquations is the gradient of the matrices of equations from that of their
// right-hand side.
func gradOfEquations(b *ir.Builder, n, x, toB *ir.Node) *ir.Node {
	if n.Bool("left") {
		return b.Neg(b.Matmul(toB, x, false, true))
	}
	return b.Neg(b.Matmul(x, toB, true, false))
}

// triangleOf leaves of a matrix what counts; it is singular if its diagonal has a 0.
func triangleOf(n *ir.Node, m dense) bool {
	for r := range m {
		if n.Bool("unitriangular") {
			m[r][r] = 1
		}
		if m[r][r] == 0 {
			return false
		}
		for c := range m {
			if c != r && c > r != n.Bool("upper") {
				m[r][c] = 0
			}
		}
	}
	return true
}
