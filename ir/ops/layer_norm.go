package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var LayerNorm = ir.Register(&ir.Op{
	Name:   "layer_norm",
	Family: ir.Normalization,
	Doc: `x normalised along its last dim: (x - mean) / sqrt(var + eps) * weight + bias.

x is [..., features]; weight and bias are [features]. The module LayerNorm brings
its own weight and bias.`,
	Example: `
x: f32[1, 2] = [[1, 3]]
weight: f32[2] = [1, 2]
bias: f32[2] = [0, 1]
layer_norm(x, weight, bias, eps=0.0): f32[1, 2] = [[-1, 3]]`,
	Torch: "torch.nn.functional.layer_norm",
	Params: []ir.Param{
		kit.Tensor("x", "floats: [..., features]"),
		kit.Tensor("weight", "the scale of each feature: [features]"),
		kit.Tensor("bias", "added to each feature: [features]"),
		kit.FloatOr("eps", 1e-5, "added to the variance"),
	},
	Class:   ir.Reduce,
	Flops:   7, // sum, difference, square, sum, three for scale, weight and bias
	Promote: ir.PromoteAll,
	Infer:   inferNorm,
	Grad:    gradLayerNorm,
	Reference: referenceNorm(func(n *ir.Node, row []float64) (center, scale float64) {
		return average(row), 1 / math.Sqrt(variance(row, float64(len(row)))+n.Float("eps"))
	}),
	Slack: func(c ir.Computed) ir.Slack {
		// (x - mean) · scale · weight + bias: the sum may cancel.
		weight, x := 1+kit.MaxAbs(c.In[1])+kit.MaxAbs(c.In[2]), 1+kit.MaxAbs(c.In[0])
		slack := 8 * kit.U64 * float64(c.In[0].Len())
		if c.FromSource {
			// The mean is off by its additions, of |x|; so is each difference, and the
			// scale, half as much; then two products and a sum with the bias.
			slack += c.Unit * (2*c.Terms + 16)
		}
		return kit.Constant(slack * weight * x)
	},
	Sample: kit.SampleNorm(2),
})

// inferNorm is the type rule of norms over the last dim.
func inferNorm(n *ir.Node) (ir.Type, error) {
	x := n.Inputs[0].Type
	if !x.DType.IsFloat() {
		return x, kit.Refuse("x", `cast it first: cast(x, "f32")`, "%s requires floats; %s", n.Op.Name, kit.Named(n, 0))
	}
	if len(x.Shape) == 0 {
		return x, ir.Argf("x", "%s requires at least one dim; %s", n.Op.Name, kit.Named(n, 0))
	}
	features := ir.Shape{x.Shape[len(x.Shape)-1]}
	for i, in := range n.Inputs[1:] {
		if !in.Type.Shape.Equal(features) {
			return x, ir.Argf(n.OperandName(i+1), "%s must be %s, the last dim of x; %s, %s",
				n.OperandName(i+1), features, kit.Named(n, 0), kit.Named(n, i+1))
		}
	}
	return x, nil
}

// referenceNorm evaluates (x - center) * scale * weight + bias.
func referenceNorm(moments func(n *ir.Node, row []float64) (center, scale float64)) kit.ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, features := ir.NewArray(n.Type), len(in[1].F)
		for start := 0; start < len(out.F); start += features {
			row := in[0].F[start : start+features]
			center, scale := moments(n, row)
			for i, v := range row {
				v = (v - center) * scale * in[1].F[i]
				if len(in) > 2 {
					v += in[2].F[i]
				}
				out.F[start+i] = v
			}
		}
		return out
	}
}

// gradLayerNorm: with the normalised x̂ and h = g · weight, the gradient of x is
// (h - mean(h) - x̂ · mean(h · x̂)) / sqrt(var + eps).
func gradLayerNorm(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	x, weight, bias := n.Inputs[0], n.Inputs[1], n.Inputs[2]
	last := []int{len(x.Type.Shape) - 1}
	deviation := b.Sub(x, b.Mean(x, last))
	scale := b.Rsqrt(b.Add(b.Mean(b.Square(deviation), last), n.Float("eps")))
	unit := b.Mul(deviation, scale)
	h := b.Mul(g, weight)
	dx := b.Sub(b.Sub(h, b.Mean(h, last)), b.Mul(unit, b.Mean(b.Mul(h, unit), last)))
	return []*ir.Node{b.Mul(dx, scale), b.SumTo(b.Mul(g, unit), weight), b.SumTo(g, bias)}
}
