package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Unfold = ir.Register(&ir.Op{
	Name:   "unfold",
	Family: ir.Convolution,
	Doc: `The windows over an image, each as a column of all its elements, also known as im2col.

x is [batch, channels, height, width], with or without batch, and the result
[batch, channels · kernel height · kernel width, windows], row by row. Padding is 0.`,
	Example: `
x: i32[1, 2, 3] = [[[1, 2, 3], [4, 5, 6]]]
unfold(x, 2): i32[4, 2] = [[1, 2], [2, 3], [4, 5], [5, 6]]`,
	Torch:   "torch.nn.functional.unfold",
	Aliases: "im2col",
	Params:  append([]ir.Param{kit.Tensor("x", "[batch, channels, height, width], with or without batch")}, paramsUnfold...),
	Class:   ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		lead := len(x.Shape) - 3
		if lead != 0 && lead != 1 {
			return x, kit.Refuse("x", "", "unfold requires [batch, channels, height, width], with or without batch; %s", kit.Named(n, 0))
		}
		p, err := unfolded(n, x.Shape[lead+1:])
		if err != nil {
			return x, err
		}
		column := ir.MulSize(x.Shape[lead], ir.Shape(p.kernel).Numel())
		return ir.Type{DType: x.DType, Shape: slices.Concat(x.Shape[:lead], ir.Shape{column, ir.Shape(p.count).Numel()})}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x := n.Inputs[0].Type.Shape
		return []*ir.Node{b.Op("fold", append([]any{g, []int(x[len(x)-2:])}, unfoldArguments(n)...)...)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := kit.Filled(n.Type, kit.NumberOf(n.Type.DType, 0))
		x := in[0].Type.Shape
		p, _ := unfolded(n, x[len(x)-2:])
		p.each(x[:len(x)-2].Numel(), func(patch, at int) { kit.Copy(out, patch, in[0], at) })
		return out
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x := n.Inputs[0].Type.Shape
		planes := b.Reshape(n.Inputs[0], slices.Concat(ir.Shape{x[:len(x)-2].Numel()}, x[len(x)-2:]))
		return b.Reshape(b.Op("patches", append([]any{planes}, unfoldedArguments(n)...)...), n.Type.Shape)
	},
	Sample: func(s ir.Sampler) []any {
		p := samplePatches(s)
		return []any{s.Tensor(slices.Concat(s.OfRank(s.Int(1, 2)), p.size)), p.kernel, p.apart, p.before, p.step}
	},
})

var paramsUnfold = []ir.Param{
	{Name: "kernel_size", Kind: ir.KDims, Doc: "the size of the windows; one int, or one for each of height and width"},
	{Name: "dilation", Kind: ir.KDims, Default: 1, Optional: true, Doc: "the distance between a window's elements"},
	{Name: "padding", Kind: ir.KDims, Default: 0, Optional: true, Doc: "how many zeros there are on either side"},
	{Name: "stride", Kind: ir.KDims, Default: 1, Optional: true, Doc: "the distance between windows"},
}

// unfolded gives the windows of unfold and fold over images of a size.
func unfolded(n *ir.Node, size []int) (p patches, err error) {
	for _, a := range []struct {
		name  string
		least int
		to    *[]int
	}{{"kernel_size", 1, &p.kernel}, {"dilation", 1, &p.apart}, {"padding", 0, &p.before}, {"stride", 1, &p.step}} {
		if *a.to, err = kit.PerDim(n, a.name, 2, a.least); err != nil {
			return p, err
		}
	}
	p.size = size
	return p, p.fit(n)
}

// unfoldArguments are the arguments of unfold and fold after their own.
func unfoldArguments(n *ir.Node) []any {
	return []any{n.Ints("kernel_size"), n.Ints("dilation"), n.Ints("padding"), n.Ints("stride")}
}

// unfoldedArguments are the same for patches and unpatch.
func unfoldedArguments(n *ir.Node) []any {
	return []any{n.Ints("kernel_size"), n.Ints("stride"), n.Ints("padding"), n.Ints("dilation")}
}
