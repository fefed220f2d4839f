package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// transposing sets what conv_transpose1d, conv_transpose2d and conv_transpose3d have in
// common. What a convolution calls y is x here, and its x is the result.
func transposing(op *ir.Op, dims int) *ir.Op {
	op.Family = ir.Convolution
	op.Doc = fmt.Sprintf(`x convolved with weight over %s, transposed: each element of x adds weight times itself to the result.

x is [batch, in_channels, %[2]s], weight [in_channels, out_channels / groups, %[3]s], bias
[out_channels], and the result [batch, out_channels, %[2]s], where
size = (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1. The
batch may be missing. It is the gradient of a convolution's input.`, dimensions[dims], spatial(dims, ""), spatial(dims, "kernel "))
	op.Torch = "torch.nn.functional." + op.Name
	op.Aliases = fmt.Sprintf("deconv%dd", dims)
	op.Params = slices.Concat(paramsConv("[in_channels, out_channels / groups, "+spatial(dims, "kernel ")+"]"), []ir.Param{
		{Name: "padding", Kind: ir.KDims, Default: 0, Optional: true, Doc: "how much is cut off the result on either side"},
		{Name: "output_padding", Kind: ir.KDims, Default: 0, Optional: true, Doc: "how much is added to the result's end; less than stride or dilation"},
		paramGroups,
		{Name: "dilation", Kind: ir.KDims, Default: 1, Optional: true, Doc: "how far neighbours in weight are apart in the result"},
	})
	op.Params[3].Doc = "how far neighbours in x are apart in the result; one int, or one for each spatial dim, as all that follow but groups"
	op.Class, op.Promote = ir.Contract, ir.PromoteFloat
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		c, batched, err := inferTransposed(n, dims)
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: unbatched(c.shapeOfX(), batched)}, err
	}
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		c, _, _ := inferTransposed(n, dims)
		y, x := b.Reshape(n.Inputs[0], c.shapeOfY()), b.Reshape(g, c.shapeOfX())
		grads := []*ir.Node{b.Reshape(c.toY(b, x, n.Inputs[1]), n.Inputs[0].Type.Shape), c.toWeight(b, x, y)}
		return append(grads, gradBias(b, n, x)...)
	}
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		c, _, _ := inferTransposed(n, dims)
		out := biased(n, in, numel(c.x))
		c.eachFromY(func(x, w, y int) { out.F[x] += at(in[0], y) * in[1].F[w] })
		return out
	}
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node {
		c, _, _ := inferTransposed(n, dims)
		return decomposeConv(b, n, c.shapeOfY(), c.wideX)
	}
	op.Sample = func(s ir.Sampler) []any { return sampleTransposed(s, dims) }
	return op
}

// inferTransposed is inferConv for transposed convolutions.
func inferTransposed(n *ir.Node, dims int) (c correlation, batched bool, err error) {
	x, weight, batched, err := operandsOfConv(n, dims)
	if err != nil {
		return c, batched, err
	}
	c = correlation{batch: x[0], groups: n.Int("groups"), in: weight[1], y: x[2:], taps: weight[2:]}
	if err := c.divide(n, x[1], 0); err != nil {
		return c, batched, err
	}
	c.out = x[1] / c.groups
	if weight[0] != x[1] {
		fits := slices.Clone(weight)
		fits[0] = x[1]
		return c, batched, kit.Refuse("weight", fmt.Sprintf("%s of shape %s would fit", kit.OperandName(n, 1), fits),
			"channels differ: x has %d, weight takes %d; %s, %s", x[1], weight[0], kit.Named(n, 0), kit.Named(n, 1))
	}
	if err := checkBias(n, ir.MulSize(weight[1], c.groups)); err != nil {
		return c, batched, err
	}
	var more []int
	for _, list := range []struct {
		name  string
		least int
		to    *[]int
	}{{"stride", 1, &c.stride}, {"padding", 0, &c.padding}, {"output_padding", 0, &more}, {"dilation", 1, &c.dilation}} {
		if *list.to, err = perDim(n, list.name, dims, list.least); err != nil {
			return c, batched, err
		}
	}
	return c, batched, c.inferResult(n, more)
}

// inferResult works out the spatial dims of what a transposed convolution gives.
func (c *correlation) inferResult(n *ir.Node, more []int) error {
	for d, size := range c.y {
		if more[d] > 0 && more[d] >= max(c.stride[d], c.dilation[d]) {
			return kit.Refuse("output_padding", "", "output_padding must be less than stride or dilation; output_padding is %v, stride %v, dilation %v",
				ir.Shape(more), ir.Shape(c.stride), ir.Shape(c.dilation))
		}
		if size == 0 {
			return kit.Refuse("x", "", "%s requires at least one element in each spatial dim; %s", n.Op.Name, kit.Named(n, 0))
		}
		whole := ir.AddSize(ir.MulSize(size-1, c.stride[d]), reach(c.taps[d], c.dilation[d]), more[d])
		if whole > math.MaxInt32 {
			return kit.Refuse("x", "", "dim %d of the result would have %d elements before padding is cut off; the limit is 2**31 - 1; %s, %s",
				len(n.Inputs[0].Type.Shape)-len(c.y)+d, whole, kit.Named(n, 0), kit.Named(n, 1))
		}
		if whole <= ir.MulSize(2, c.padding[d]) {
			return kit.Refuse("padding", "use less padding", "padding %v leaves nothing: dim %d of the result has %d elements without it; %s, %s",
				ir.Shape(c.padding), len(n.Inputs[0].Type.Shape)-len(c.y)+d, whole, kit.Named(n, 0), kit.Named(n, 1))
		}
		c.x = append(c.x, whole-2*c.padding[d])
	}
	return nil
}

// sampleTransposed draws calls of a transposed convolution.
func sampleTransposed(s ir.Sampler, dims int) []any {
	sizes := s.OfRank(3 + dims)
	groups, taps := s.Int(1, 2), make(ir.Shape, dims)
	for d := range taps {
		taps[d] = s.Int(1, 2)
	}
	stride, dilation, padding := s.Int(1, 3), s.Int(1, 2), s.Int(0, 1)
	for d := range taps { // large enough that padding leaves something
		sizes[3+d] = max(sizes[3+d], 1+2*padding)
	}
	more := s.Int(0, max(stride, dilation)-1)
	x := append(ir.Shape{sizes[0], groups * sizes[1]}, sizes[3:]...)
	var bias any
	if s.Int(0, 1) == 1 {
		bias = s.Tensor(ir.Shape{groups * sizes[2]})
	}
	if s.Int(0, 3) == 0 {
		x = x[1:]
	}
	weight := append(ir.Shape{groups * sizes[1], sizes[2]}, taps...)
	return []any{s.Tensor(x), s.Tensor(weight), bias, stride, padding, more, groups, dilation}
}
