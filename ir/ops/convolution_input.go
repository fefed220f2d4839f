package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// ConvolutionInput is the op convolution_input, the gradient of a convolution's input,
// which conv_transpose1d, 2d and 3d become. Specs can't call it.
var ConvolutionInput = ir.Register(&ir.Op{
	Name: "convolution_input",
	Doc: `x from y and weight: each element of y adds weight times itself to what convolution takes it from.

y is [batch, groups · out, …], weight [groups · out, in, …], and x [batch, groups · in, …sizes].`,
	Params:   append([]ir.Param{kit.Tensor("y", "what is spread"), kit.Tensor("weight", "the kernels")}, append(paramsCorrelation[:len(paramsCorrelation):len(paramsCorrelation)], kit.Wide)...),
	Class:    ir.Contract,
	Promote:  ir.PromoteFloat,
	Products: func(n *ir.Node) int { return correlationOf(n).products() },
	Infer: func(n *ir.Node) (ir.Type, error) {
		c, err := inferCorrelation(n)
		return ir.Type{DType: kit.WideResult(n), Shape: c.shapeOfX()}, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		c, y, w := correlationOf(n), n.Inputs[0], n.Inputs[1]
		return []*ir.Node{c.toY(b, g, w), c.toWeight(b, g, y)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		correlationOf(n).eachFromY(func(x, w, y int) { out.F[x] += at(in[0], y) * in[1].F[w] })
		return out
	},
	Slack: slackCorrelation(func(c correlation) int { return ir.MulSize(c.out, numel(c.taps)) }),
	Sample: func(s ir.Sampler) []any {
		c := sampleCorrelation(s)
		return c.arguments(s.Tensor(c.shapeOfY()), s.Tensor(c.shapeOfWeight()), c.x)
	},
})
