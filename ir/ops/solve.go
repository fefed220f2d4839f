package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Solve = ir.Register(&ir.Op{
	Name:   "solve",
	Family: ir.LinearAlgebra,
	Doc: `The solution x of a x = b for square matrices a; with left=false, of x a = b.

a is [..., n, n], b is [..., n, k], or [..., k, n] with left=false; the dims before the
last two are broadcast. A b of one dim, or of a's shape without its last dim, is a vector
for each matrix, and so is the result; with left=false there are no vectors. For a singular matrix, where PyTorch raises an
error, all of its result is NaN; one that rounding keeps from being singular gives large
numbers. It is computed in f64 and rounded once, on the CPU only.`,
	Example: `
a: f32[2, 2] = [[2, 1], [1, 3]]
b: f32[2] = [5, 10]
solve(a, b): f32[2] = [1, 3]`,
	Torch: "torch.linalg.solve",
	Params: []ir.Param{
		kit.Tensor("a", "square matrices: [..., n, n]"),
		kit.Tensor("b", "the right-hand side: [..., n, k] or [..., n]"),
		{Name: "left", Kind: ir.KBool, Optional: true, Default: true, Doc: "whether to solve a x = b, not x a = b"},
	},
	Class:   ir.Other,
	Compute: ir.ComputeWide,
	Promote: ir.PromoteFloat,
	Infer: func(n *ir.Node) (ir.Type, error) {
		e, err := equationsOf(n, true)
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: e.shape()}, err
	},
	Grad: widely(func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		e, _ := equationsOf(n, true)
		x := n
		if e.vector {
			column := append(e.shape(), 1)
			x, g = b.Reshape(x, column), b.Reshape(g, column)
		}
		toB := b.Op("solve", turned(b, n.Inputs[0]), g, n.Bool("left"))
		toA := gradOfEquations(b, n, x, toB)
		if e.vector {
			toB = b.Reshape(toB, e.shape())
		}
		return []*ir.Node{toA, toB}
	}),
	Reference: referenceEquations(true, func(*ir.Node, dense) bool { return true }),
	Slack: func(c ir.Computed) ir.Slack {
		return matrixSlack(c, lastSize(c.In[0]), worstCondition(c.In[0], func(m dense) dense { return m }))
	},
	Sample: func(s ir.Sampler) []any {
		if s.Int(0, 3) == 0 { // vectors
			n, _, _, batch := s.Product()
			n = min(n, largestDrawn)
			shape := append(batch, n)
			return []any{s.Dominant(append(shape[:len(shape):len(shape)], n)), s.Tensor(shape[s.Int(0, 1)*(len(shape)-1):])}
		}
		a, b, left := sampleEquations(s)
		return []any{a, b, left}
	},
})
