package ops

import (
	"github.com/flowrun/flowrun/ir"
)

var Triu = ir.Register(triangle(&ir.Op{
	Name: "triu",
	Doc: `The upper triangle of each matrix of x, with 0 elsewhere.

x is [..., rows, columns]. The triangle includes the diagonal; diagonal 0 is the main
one, positive ones are to its right and negative ones to its left.`,
	Example: `
x: f32[2, 2] = [[1, 2], [3, 4]]
triu(x): f32[2, 2] = [[1, 2], [0, 4]]`,
}, func(row, col, diagonal int) bool { return col-row >= diagonal }))
