package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Tril = ir.Register(triangle(&ir.Op{
	Name: "tril",
	Doc: `The lower triangle of each matrix of x, with 0 elsewhere.

x is [..., rows, columns]. The triangle includes the diagonal; diagonal 0 is the main
one, positive ones are to its right and negative ones to its left.`,
	Example: `
x: f32[2, 2] = [[1, 2], [3, 4]]
tril(x): f32[2, 2] = [[1, 0], [3, 4]]`,
}, func(row, col, diagonal int) bool { return col-row <= diagonal }))

// triangle is an op that keeps the elements on one side of a diagonal.
func triangle(op *ir.Op, keep func(row, col, diagonal int) bool) *ir.Op {
	op.Family, op.Class = ir.LinearAlgebra, ir.Other // an element depends on its position too
	op.Params = []ir.Param{
		kit.Tensor("x", "matrices: [..., rows, columns]"),
		kit.IntegerOr("diagonal", 0, "the outermost diagonal of the triangle"),
	}
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		if len(x.Shape) < 2 {
			return x, ir.Argf("x", "%s requires matrices; %s", n.Op.Name, kit.Named(n, 0))
		}
		return x, nil
	}
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op(n.Op.Name, g, n.Int("diagonal"))}
	}
	op.Reference = referenceTriangle(keep)
	op.Sample = func(s ir.Sampler) []any { return []any{s.Tensor(s.Shape(2)), s.Int(-8, 8)} }
	return op
}

func referenceTriangle(keep func(row, col, diagonal int) bool) kit.ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, s := ir.NewArray(n.Type), n.Type.Shape
		rows, cols := s[len(s)-2], s[len(s)-1]
		for i := range out.Len() {
			if keep(i/cols%rows, i%cols, n.Int("diagonal")) {
				kit.Copy(out, i, in[0], i)
			}
		}
		return out
	}
}
