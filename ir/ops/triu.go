package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Triu is the op triu.
var Triu = ir.Register(&ir.Op{
	Name:   "triu",
	Family: ir.LinearAlgebra,
	Doc: `The upper triangle of each matrix of x, with 0 elsewhere.

x is [..., rows, columns]. The triangle includes the diagonal; diagonal 0 is the main
one, positive ones are to its right and negative ones to its left.`,
	Example: `
x: f32[2, 2] = [[1, 2], [3, 4]]
triu(x): f32[2, 2] = [[1, 2], [0, 4]]`,
	Params: paramsTriangle,
	Class:  ir.Other, // an element depends on its position too
	Infer:  inferTriangle,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("triu", g, n.Int("diagonal"))}
	},
	Reference: referenceTriangle(func(row, col, diagonal int) bool { return col-row >= diagonal }),
	Sample:    kit.SampleTriangle,
})
