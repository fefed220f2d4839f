package ops

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// convolving sets what conv1d, conv2d and conv3d have in common, but for the number of
// spatial dims.
func convolving(op *ir.Op, dims int) *ir.Op {
	op.Family = ir.Convolution
	op.Doc = fmt.Sprintf(`x convolved with weight over %s.

x is [batch, in_channels, %[2]s], weight [out_channels, in_channels / groups, %[3]s], bias
[out_channels], and the result [batch, out_channels, %[2]s], where
size = floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. The batch may
be missing. As in all deep learning, weight isn't flipped. What padding adds is 0, and is
multiplied too: an infinite weight gives NaN there.`, dimensions[dims], spatial(dims, ""), spatial(dims, "kernel "))
	op.Torch = "torch.nn.functional." + op.Name
	op.Params = slices.Concat(paramsConv("[out_channels, in_channels / groups, "+spatial(dims, "kernel ")+"]"), []ir.Param{
		{Name: "padding", Kind: ir.KPadding, Default: 0, Optional: true, Enum: []string{"valid", "same"},
			Doc: `how many zeros are put on either side of x; "valid" is none; with "same", which requires stride 1, the result has the size of x, and where an odd number of zeros is needed the additional one comes last`},
		{Name: "dilation", Kind: ir.KDims, Default: 1, Optional: true, Doc: "how far neighbours in weight are apart in x"},
		paramGroups,
	})
	op.Class, op.Promote = ir.Contract, ir.PromoteFloat
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		c, batched, err := inferConv(n, dims)
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: unbatched(c.shapeOfY(), batched)}, err
	}
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		c, _, _ := inferConv(n, dims)
		x, y := b.Reshape(n.Inputs[0], c.shapeOfX()), b.Reshape(g, c.shapeOfY())
		grads := []*ir.Node{b.Reshape(c.toX(b, y, n.Inputs[1]), n.Inputs[0].Type.Shape), c.toWeight(b, x, y)}
		return append(grads, gradBias(b, n, y)...)
	}
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		c, _, _ := inferConv(n, dims)
		out := biased(n, in, numel(c.y))
		c.eachFromX(func(x, w, y int) { out.F[y] += at(in[0], x) * in[1].F[w] })
		return out
	}
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node {
		c, _, _ := inferConv(n, dims)
		return decomposeConv(b, n, c.shapeOfX(), c.wideY)
	}
	op.Sample = func(s ir.Sampler) []any { return sampleConv(s, dims) }
	return op
}

// dimensions is how many there are, for people.
var dimensions = [...]string{1: "one dimension", 2: "two dimensions", 3: "three dimensions"}

// spatial lists the spatial dims by name.
func spatial(dims int, prefix string) string {
	names := []string{"depth", "height", "width"}[3-dims:]
	if dims == 1 {
		names = []string{"size"}
	}
	return prefix + strings.Join(names, ", "+prefix)
}

// paramsConv are the parameters that all convolutions begin with.
func paramsConv(weight string) []ir.Param {
	return []ir.Param{
		kit.Tensor("x", "what is convolved"),
		kit.Tensor("weight", weight),
		{Name: "bias", Kind: ir.KOptional, Optional: true, Doc: "added to each channel: [out_channels]; nothing by default"},
		{Name: "stride", Kind: ir.KDims, Default: 1, Optional: true, Doc: "how far apart the kernel is applied; one int, or one for each spatial dim, as all that follow but groups"},
	}
}

var paramGroups = kit.IntegerOr("groups", 1, "how many groups the channels are divided into, each convolved by itself; as many as in_channels: depthwise")

// inferConv normalises the arguments, and says what is wrong with them. batched is
// whether x has a dim for the batch.
func inferConv(n *ir.Node, dims int) (c correlation, batched bool, err error) {
	x, weight, batched, err := operandsOfConv(n, dims)
	if err != nil {
		return c, batched, err
	}
	c = correlation{batch: x[0], groups: n.Int("groups"), x: x[2:], taps: weight[2:]}
	if err := c.inferGroups(n, x[1], weight[0], weight[1]); err != nil {
		return c, batched, err
	}
	if c.stride, err = perDim(n, "stride", dims, 1); err != nil {
		return c, batched, err
	}
	if c.dilation, err = perDim(n, "dilation", dims, 1); err != nil {
		return c, batched, err
	}
	before, after, err := c.inferPadding(n, dims)
	if err != nil {
		return c, batched, err
	}
	c.padding = before
	for d, size := range c.x {
		padded, kernel := ir.AddSize(before[d], size, after[d]), reach(c.taps[d], c.dilation[d])
		if padded > math.MaxInt32 {
			return c, batched, kit.Refuse("padding", "", "dim %d of x would have %d elements with padding; the limit is 2**31 - 1", len(n.Inputs[0].Type.Shape)-dims+d, padded)
		}
		if kernel > padded {
			return c, batched, kit.Refuse("weight", "use a smaller kernel, or padding",
				"the kernel is larger than x: %s spans %d elements in dim %d, %s has %d there with padding",
				kit.Typed(n, 1), kernel, d+2, kit.Typed(n, 0), padded)
		}
		c.y = append(c.y, (padded-kernel)/c.stride[d]+1)
	}
	return c, batched, nil
}

// reach is how many elements a kernel spans.
func reach(taps, dilation int) int {
	return ir.AddSize(ir.MulSize(taps-1, dilation), 1)
}

// operandsOfConv gives the shapes of x, with a batch, and of weight, if their ranks are right.
func operandsOfConv(n *ir.Node, dims int) (x, weight ir.Shape, batched bool, err error) {
	x, weight = n.Inputs[0].Type.Shape, n.Inputs[1].Type.Shape
	batched = len(x) == dims+2
	if !batched && len(x) != dims+1 {
		return x, weight, batched, kit.Refuse("x", otherConv(n, len(x)-2), "%s requires x of [batch, channels, %s], or without the batch; %s",
			n.Op.Name, spatial(dims, ""), kit.Named(n, 0))
	}
	if !batched {
		x = append(ir.Shape{1}, x...)
	}
	if len(weight) != dims+2 {
		return x, weight, batched, kit.Refuse("weight", "", "%s requires weight of %s; %s, %s", n.Op.Name, n.Op.Params[1].Doc, kit.Named(n, 0), kit.Named(n, 1))
	}
	if slices.Min(weight[2:]) < 1 {
		return x, weight, batched, kit.Refuse("weight", "", "the kernel must have at least one element in each dim; %s", kit.Named(n, 1))
	}
	return x, weight, batched, nil
}

// otherConv names the op that convolves so many dims.
func otherConv(n *ir.Node, dims int) string {
	if dims < 1 || dims > 3 {
		return ""
	}
	name := n.Op.Name
	return fmt.Sprintf("did you mean %s%dd?", name[:len(name)-2], dims)
}

// inferGroups divides the channels; inputs of the weight are those of one group.
func (c *correlation) inferGroups(n *ir.Node, channels, outputs, inputs int) error {
	if err := c.divide(n, channels, outputs); err != nil {
		return err
	}
	c.in, c.out = inputs, outputs/c.groups
	if ir.MulSize(inputs, c.groups) != channels {
		weight := slices.Clone(n.Inputs[1].Type.Shape)
		weight[1] = channels / c.groups
		return kit.Refuse("weight", fmt.Sprintf("%s of shape %s would fit", kit.OperandName(n, 1), weight),
			"channels differ: x has %d, weight takes %d in each of %d groups; %s, %s", channels, inputs, c.groups, kit.Named(n, 0), kit.Named(n, 1))
	}
	return checkBias(n, outputs)
}

// divide checks that groups divides the channels of both sides.
func (c *correlation) divide(n *ir.Node, channels, outputs int) error {
	switch {
	case c.groups < 1:
		return kit.Refuse("groups", "", "groups must be at least 1, got %d", c.groups)
	case channels%c.groups != 0:
		return kit.Refuse("groups", "", "groups must divide the channels of x: %d by %d; %s", channels, c.groups, kit.Named(n, 0))
	case outputs%c.groups != 0:
		return kit.Refuse("groups", "", "groups must divide the channels of the result: %d by %d; %s", outputs, c.groups, kit.Named(n, 1))
	}
	return nil
}

// checkBias checks that there is one for each channel, if there is one.
func checkBias(n *ir.Node, channels int) error {
	if len(n.Inputs) > 2 && !n.Inputs[2].Type.Shape.Equal(ir.Shape{channels}) {
		return kit.Refuse("bias", "", "bias must be %s, one for each channel of the result; %s, %s", ir.Shape{channels}, kit.Named(n, 1), kit.Named(n, 2))
	}
	return nil
}

// perDim makes a list of an argument that has one int, or one for each spatial dim.
func perDim(n *ir.Node, param string, dims, least int) ([]int, error) {
	list := n.Ints(param)
	if len(list) == 1 {
		list = slices.Repeat(list, dims)
	}
	if len(list) != dims {
		return nil, kit.Refuse(param, "", "%s must be one int or one for each of %s, got %v", param, dimensions[dims], ir.Shape(list))
	}
	for i, v := range list {
		if v < least || v > math.MaxInt32 {
			return nil, kit.RefuseItem(param, i, "", "%s must be from %d to 2**31 - 1, got %d", param, least, v)
		}
	}
	n.SetAttr(param, list)
	return list, nil
}

// inferPadding gives the number of zeros before and after x.
func (c *correlation) inferPadding(n *ir.Node, dims int) (before, after []int, err error) {
	word, isWord := n.Attr("padding").(string)
	before, after = make([]int, dims), make([]int, dims)
	switch {
	case !isWord:
		before, err = perDim(n, "padding", dims, 0)
		return before, before, err
	case word == "same":
		for d, taps := range c.taps {
			if c.stride[d] != 1 {
				return nil, nil, kit.Refuse("padding", "give the padding as ints", `padding "same" requires stride 1; stride is %v`, ir.Shape(c.stride))
			}
			total := reach(taps, c.dilation[d]) - 1
			before[d], after[d] = total/2, total-total/2
		}
	}
	return before, after, nil
}

// unbatched is a shape, or what is left of it without the batch.
func unbatched(shape ir.Shape, batched bool) ir.Shape {
	if batched {
		return shape
	}
	return shape[1:]
}

// gradBias is the gradient of the bias, if there is one: the sum of each channel.
func gradBias(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	if len(n.Inputs) < 3 {
		return nil
	}
	return []*ir.Node{b.Op("sum", g, complement(len(g.Type.Shape), []int{1}), false)}
}

// biased is the result of a reference before anything is added to the bias. An example
// has size elements in a channel.
func biased(n *ir.Node, in []*ir.Array, size int) *ir.Array {
	out := ir.NewArray(n.Type)
	if len(in) > 2 {
		for i := range out.F {
			out.F[i] = in[2].F[i/size%in[2].Len()]
		}
	}
	return out
}

// decomposeConv writes a convolution as one without bias, and an addition. With a bias, the
// convolution of f16 or bf16 gives f32, so that the sum is rounded once.
func decomposeConv(b *ir.Builder, n *ir.Node, batched ir.Shape, convolve func(b *ir.Builder, x, weight *ir.Node, wide bool) *ir.Node) *ir.Node {
	y := convolve(b, b.Reshape(n.Inputs[0], batched), n.Inputs[1], len(n.Inputs) > 2)
	if len(n.Inputs) > 2 {
		why := n.Op.Name + " sums in f32, and is rounded once"
		shape := slices.Repeat(ir.Shape{1}, len(batched)-1)
		shape[0] = y.Type.Shape[1]
		bias := b.CastFor(n.Inputs[2], y.Type.DType, why)
		y = b.CastFor(b.Add(y, b.Reshape(bias, shape)), n.Type.DType, why)
	}
	return b.Reshape(y, n.Type.Shape)
}

// sampleConv draws calls of a convolution.
func sampleConv(s ir.Sampler, dims int) []any {
	sizes := s.OfRank(3 + dims)
	groups, taps := s.Int(1, 2), make(ir.Shape, dims)
	for d := range taps {
		taps[d] = s.Int(1, 2)
	}
	stride, dilation, padding := s.Int(1, 2), s.Int(1, 2), any(s.Int(0, 1))
	if stride == 1 && s.Int(0, 3) == 0 {
		padding = "same"
	}
	for d := range dims { // as large as the kernel spans
		sizes[3+d] = max(sizes[3+d], reach(taps[d], dilation))
	}
	x := append(ir.Shape{sizes[0], groups * sizes[1]}, sizes[3:]...)
	var bias any
	if s.Int(0, 1) == 1 {
		bias = s.Tensor(ir.Shape{groups * sizes[2]})
	}
	if s.Int(0, 3) == 0 {
		x = x[1:]
	}
	weight := append(ir.Shape{groups * sizes[2], sizes[1]}, taps...)
	return []any{s.Tensor(x), s.Tensor(weight), bias, stride, padding, dilation, groups}
}
