package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Tril is the op tril.
var Tril = ir.Register(&ir.Op{
	Name:   "tril",
	Family: ir.LinearAlgebra,
	Doc: `The lower triangle of each matrix of x, with 0 elsewhere.

x is [..., rows, columns]. The triangle includes the diagonal; diagonal 0 is the main
one, positive ones are to its right and negative ones to its left.`,
	Example: `
x: f32[2, 2] = [[1, 2], [3, 4]]
tril(x): f32[2, 2] = [[1, 0], [3, 4]]`,
	Params: paramsTriangle,
	Class:  ir.Other, // an element depends on its position too
	Infer:  inferTriangle,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("tril", g, n.Int("diagonal"))}
	},
	Reference: referenceTriangle(func(row, col, diagonal int) bool { return col-row <= diagonal }),
	Sample:    kit.SampleTriangle,
})

var paramsTriangle = []ir.Param{
	kit.Tensor("x", "matrices: [..., rows, columns]"),
	kit.IntegerOr("diagonal", 0, "the outermost diagonal of the triangle"),
}

func inferTriangle(n *ir.Node) (ir.Type, error) {
	x := n.Inputs[0].Type
	if len(x.Shape) < 2 {
		return x, ir.Argf("x", "%s is taken of matrices; %s", n.Op.Name, kit.Named(n, 0))
	}
	return x, nil
}

func referenceTriangle(keep func(row, col, diagonal int) bool) kit.ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, s := ir.NewArray(n.Type), n.Type.Shape
		rows, cols := s[len(s)-2], s[len(s)-1]
		for i := range out.Len() {
			if !keep(i/cols%rows, i%cols, n.Int("diagonal")) {
				continue
			}
			if out.F != nil {
				out.F[i] = in[0].F[i]
			} else {
				out.I[i] = in[0].I[i]
			}
		}
		return out
	}
}
