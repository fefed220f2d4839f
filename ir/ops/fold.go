package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Fold = ir.Register(&ir.Op{
	Name:   "fold",
	Family: ir.Convolution,
	Doc: `Images of the columns that unfold makes, added up where windows overlap, also known as col2im.

x is [batch, channels · kernel height · kernel width, windows], with or without batch.`,
	Example: `
x: i32[4, 2] = [[1, 2], [2, 3], [4, 5], [5, 6]]
fold(x, [2, 3], 2): i32[1, 2, 3] = [[[1, 4, 3], [4, 10, 6]]]`,
	Torch:   "torch.nn.functional.fold",
	Aliases: "col2im",
	Params: slices.Concat([]ir.Param{
		kit.Tensor("x", "[batch, channels · kernel height · kernel width, windows], with or without batch"),
		{Name: "output_size", Kind: ir.KDims, Doc: "the size of the images; one int, or one for each of height and width"},
	}, paramsUnfold),
	Class: ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		lead := len(x.Shape) - 2
		if err := kit.RefuseNonNumber(n, 0); err != nil {
			return x, err
		}
		if lead != 0 && lead != 1 {
			return x, kit.Refuse("x", "", "fold requires [batch, channels · kernel height · kernel width, windows], with or without batch; %s", kit.Named(n, 0))
		}
		size, err := kit.PerDim(n, "output_size", 2, 0)
		if err != nil {
			return x, err
		}
		p, err := unfolded(n, size)
		if err != nil {
			return x, err
		}
		window, count := ir.Shape(p.kernel).Numel(), ir.Shape(p.count).Numel()
		if x.Shape[lead]%window != 0 || x.Shape[lead+1] != count {
			return x, kit.Refuse("x", "", "images of %v have %v windows of %v, so fold requires [batch, channels · %d, %d]; %s",
				ir.Shape(size), ir.Shape(p.count), ir.Shape(p.kernel), window, count, kit.Named(n, 0))
		}
		return ir.Type{DType: x.DType, Shape: slices.Concat(x.Shape[:lead], ir.Shape{x.Shape[lead] / window}, size)}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("unfold", append([]any{g}, unfoldArguments(n)...)...)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		p, _ := unfolded(n, n.Ints("output_size"))
		p.each(n.Type.Shape[:len(n.Type.Shape)-2].Numel(), func(patch, at int) {
			if out.F != nil {
				out.F[at] += in[0].F[patch]
			} else {
				out.I[at] = kit.Wrap(n.Type.DType, out.I[at]+in[0].I[patch])
			}
		})
		return out
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		p, _ := unfolded(n, n.Ints("output_size"))
		planes := n.Type.Shape[:len(n.Type.Shape)-2].Numel()
		apart := b.Reshape(n.Inputs[0], slices.Concat(ir.Shape{planes}, p.kernel, p.count))
		return b.Reshape(b.Op("unpatch", append([]any{apart, p.size}, unfoldedArguments(n)...)...), n.Type.Shape)
	},
	Sample: func(s ir.Sampler) []any {
		p := samplePatches(s)
		shape := s.OfRank(s.Int(1, 2))
		last := &shape[len(shape)-1]
		*last *= ir.Shape(p.kernel).Numel()
		return []any{s.Tensor(append(shape, ir.Shape(p.count).Numel())), p.size, p.kernel, p.apart, p.before, p.step}
	},
})
