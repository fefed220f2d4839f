package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Relu = ir.Register(kit.Unary(&ir.Op{
	Name:   "relu",
	Family: ir.Activations,
	Doc: `x where it is positive, and 0 elsewhere.

NaN stays NaN. The gradient at 0 is 0.`,
	Example: `
x: f32[3] = [-1, 0, 2]
relu(x): f32[3] = [0, 0, 2]`,
	Aliases: "ReLU Relu",
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Where(b.Le(n, 0.0), 0.0, g)}
	},
}, func(v float64) float64 { return max(v, 0) }, func(v int64) int64 { return max(v, 0) }))
