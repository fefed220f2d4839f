package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// ConvolutionWeight is the op convolution_weight, the gradient of a convolution's weight.
// Specs can't call it.
var ConvolutionWeight = ir.Register(&ir.Op{
	Name: "convolution_weight",
	Doc: `weight from x and y: an element is the sum of y times the element of x that convolution multiplies by it there.

x is [batch, groups · in, …], y [batch, groups · out, …], and weight [groups · out, in, …sizes].
Elements of x outside are 0.`,
	Params:   append([]ir.Param{kit.Tensor("x", "what is convolved"), kit.Tensor("y", "what it gives")}, paramsCorrelation...),
	Class:    ir.Contract,
	Promote:  ir.PromoteFloat,
	Products: func(n *ir.Node) int { return correlationOf(n).products() },
	Infer: func(n *ir.Node) (ir.Type, error) {
		c, err := inferCorrelation(n)
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: c.shapeOfWeight()}, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		c, x, y := correlationOf(n), n.Inputs[0], n.Inputs[1]
		return []*ir.Node{c.toX(b, y, g), c.toY(b, x, g)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		correlationOf(n).eachFromX(func(x, w, y int) { out.F[w] += at(in[0], x) * in[1].F[y] })
		return out
	},
	Slack: slackCorrelation(func(c correlation) int { return ir.MulSize(c.batch, numel(c.y)) }),
	Sample: func(s ir.Sampler) []any {
		c := sampleCorrelation(s)
		return c.arguments(s.Tensor(c.shapeOfX()), s.Tensor(c.shapeOfY()), c.taps)
	},
})
