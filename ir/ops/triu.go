package ops

import "github.com/flowrun/flowrun/ir"

// Triu is the op triu.
var Triu = ir.Register(&ir.Op{
	Name: "triu",
	Doc: `triu(x, diagonal=0): the upper triangle of each matrix of x; 0 elsewhere.

x is [..., rows, columns]. Diagonal 0 is the main one, which belongs to the
triangle; positive ones lie to its right.

Example: triu([[1, 2], [3, 4]]) = [[1, 2], [0, 4]]`,
	Params: paramsTriangle,
	Class:  ir.Other, // an element depends on its position too
	Infer:  inferTriangle,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("triu", g, n.Int("diagonal"))}
	},
	Reference: referenceTriangle(func(row, col, diagonal int) bool { return col-row >= diagonal }),
})
