package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// What scatter, scatter_add and scatter_reduce have in common: an index of elements,
// x[i, index[i, j]] for dim 1, and elements of src that lie as the index does.

var paramsScatter = []ir.Param{
	kit.Tensor("x", "the tensor to write to"),
	kit.Integer("dim", "the dim that is indexed"),
	kit.Index("index", "u8, i32 or i64"),
	kit.Tensor("src", "the values to write; at least as large as index"),
}

// scatter is an op that writes elements at an index. how says how it joins them.
func scatter(op *ir.Op, how func(n *ir.Node) (reduce string, includeSelf bool)) *ir.Op {
	op.Family, op.Class, op.Indices = ir.Indexing, ir.Other, writtenAt
	made := func(b *ir.Builder, n *ir.Node) scattering {
		index, src := n.Inputs[1], n.Inputs[2]
		reduce, includeSelf := how(n)
		dim := n.Int("dim")
		if len(src.Type.Shape) == 0 && len(index.Type.Shape) > 0 {
			src = b.BroadcastTo(b.Cast(src, n.Type.DType), index.Type.Shape)
		}
		return scattering{n.Inputs[0], index, orderOf(b, index, dim), crop(b, src, index.Type.Shape), dim, reduce, includeSelf}
	}
	op.Infer = inferScatter
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, src := made(b, n).gradients(b, n, g)
		if given := n.Inputs[2]; len(given.Type.Shape) == 0 {
			src = b.Cast(b.SumTo(src, given), given.Type.DType)
		} else {
			src = uncrop(b, src, given.Type.Shape)
		}
		return []*ir.Node{x, nil, src}
	}
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node { return made(b, n).node(b) }
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		reduce, includeSelf := how(n)
		shape := in[1].Type.Shape
		from := kit.BroadcastOffsets(ir.Shape{}, shape) // of one number
		if len(in[2].Type.Shape) > 0 {
			from = kit.Offsets(shape, in[2].Type.Shape.Strides(), 0)
		}
		src := kit.Pick(ir.Type{DType: n.Type.DType, Shape: shape}, likeNumber(in[2], in[0]), from)
		return scattered(in[0], in[1], src, n.Int("dim"), reduce, includeSelf)
	}
	return op
}

func inferScatter(n *ir.Node) (ir.Type, error) {
	if err := kit.RefuseNonNumber(n, 0); err != nil {
		return ir.Type{}, err
	}
	x, src := n.Inputs[0].Type, n.Inputs[2].Type
	if err := kit.RefuseIndex(n, 1); err != nil {
		return ir.Type{}, err
	}
	index := n.Inputs[1].Type.Shape
	if number := n.Inputs[2].Op == ir.ConstOp && len(src.Shape) == 0 && !(src.DType.IsFloat() && !x.DType.IsFloat()); number {
		return x, nil
	}
	if err := refuseOther(n, 2, "src"); err != nil {
		return ir.Type{}, err
	}
	if len(src.Shape) == 0 {
		return x, nil
	}
	fits := len(index) == len(src.Shape)
	for d := 0; fits && d < len(index); d++ {
		fits = index[d] <= src.Shape[d]
	}
	if !fits {
		return ir.Type{}, ir.Argf("src", "src must be at least as large as index in every dim; %s, %s", kit.Named(n, 1), kit.Named(n, 2))
	}
	return x, nil
}

// likeNumber gives integers as floats where x has floats: a number that was given may be
// one.
func likeNumber(v, x *ir.Array) *ir.Array {
	if x.F == nil {
		return v
	}
	return asFloats(v)
}

// crop is the part of x, from its first element, that has a shape.
func crop(b *ir.Builder, x *ir.Node, shape ir.Shape) *ir.Node {
	for d, size := range shape {
		if size < x.Type.Shape[d] {
			x = b.Op("slice", x, d, 0, size)
		}
	}
	return x
}

// uncrop puts zeros around what crop has left.
func uncrop(b *ir.Builder, x *ir.Node, shape ir.Shape) *ir.Node {
	if x.Type.Shape.Equal(shape) {
		return x
	}
	around := make([][2]int, len(shape))
	for d, size := range shape {
		around[d][1] = size - x.Type.Shape[d]
	}
	return b.Op("pad", x, around, 0.0)
}

// sampleScatter draws a call; src is at times larger than index.
func sampleScatter(s ir.Sampler) []any {
	shape, dim, written, index := kit.SampleIndexed(s)
	from := slices.Clone(index)
	if s.Int(0, 3) == 0 {
		from[s.Int(0, len(from)-1)]++
	}
	return []any{s.Tensor(shape), written, s.Indices(shape[dim], index), s.Tensor(from)}
}
