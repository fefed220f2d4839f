package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// What index_add, index_copy and index_fill have in common: an index of slices along a
// dim, x[index[i]] for dim 0.

func paramsSlices(source ir.Param) []ir.Param {
	return []ir.Param{
		kit.Tensor("x", "the tensor to write to"),
		kit.Integer("dim", "the dim that is indexed"),
		kit.Index("index", "u8, i32 or i64, one-dimensional"),
		source,
	}
}

// writeSlices is an op that writes slices at an index, times alpha where it has that.
func writeSlices(op *ir.Op, reduce string) *ir.Op {
	op.Family, op.Class, op.Indices = ir.Indexing, ir.Other, writtenAt
	made := func(b *ir.Builder, n *ir.Node) scattering {
		dim, shape := n.Int("dim"), slicesShape(n)
		index, src := n.Inputs[1], n.Inputs[2]
		if len(src.Type.Shape) == 0 && len(shape) > 0 {
			src = b.BroadcastTo(b.Cast(src, n.Type.DType), shape)
		}
		index = b.Reshape(index, column(shape, dim))
		x := n.Inputs[0]
		if alphaOf(n) != 1 {
			x, src = b.Wide(x), b.Mul(b.Wide(src), n.Attr("alpha"))
		}
		return scattering{x, index, orderOf(b, index, dim), src, dim, reduce, true}
	}
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, src := made(b, n).gradients(b, n, g)
		if alphaOf(n) != 1 {
			src = b.Mul(src, n.Attr("alpha"))
		}
		if given := n.Inputs[2]; len(given.Type.Shape) == 0 {
			src = b.Cast(b.SumTo(src, given), given.Type.DType)
		}
		return []*ir.Node{x, nil, src}
	}
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Cast(made(b, n).node(b), n.Type.DType) }
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		dim, shape := n.Int("dim"), slicesShape(n)
		src := kit.Pick(ir.Type{DType: n.Type.DType, Shape: shape}, likeNumber(in[2], in[0]), kit.BroadcastOffsets(in[2].Type.Shape, shape))
		if alpha := alphaOf(n); alpha != 1 {
			src = scaled(src, alpha)
		}
		index := &ir.Array{Type: ir.Type{DType: in[1].Type.DType, Shape: column(shape, dim)}, I: in[1].I}
		return scattered(in[0], index, src, dim, reduce, true)
	}
	return op
}

// alphaOf is what the slices are multiplied by.
func alphaOf(n *ir.Node) float64 {
	switch v, _ := n.LookupAttr("alpha"); v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	return 1
}

func scaled(x *ir.Array, by float64) *ir.Array {
	out := ir.NewArray(x.Type)
	for i, v := range x.F {
		out.F[i] = by * v
	}
	for i, v := range x.I {
		out.I[i] = int64(by) * v
	}
	return out
}

// slicesShape is the shape of as many slices of x as there are indices.
func slicesShape(n *ir.Node) ir.Shape {
	shape := slices.Clone(n.Inputs[0].Type.Shape)
	shape[n.Int("dim")] = n.Inputs[1].Type.Shape[0]
	return shape
}

// inferSlices is the type rule of an index of slices; source names the slices' parameter.
func inferSlices(source string) func(n *ir.Node) (ir.Type, error) {
	return func(n *ir.Node) (ir.Type, error) {
		if err := refuseAddends(n, 2, source); err != nil {
			return ir.Type{}, err
		}
		dim, err := refuseSliceIndex(n)
		if err != nil {
			return ir.Type{}, err
		}
		if want := slicesShape(n); !n.Inputs[2].Type.Shape.Equal(want) {
			return ir.Type{}, ir.Argf(source, "%s must be %s, which is x with one slice for each index along dim %d; %s, %s, %s",
				source, want, dim, kit.Named(n, 0), kit.Named(n, 1), kit.Named(n, 2))
		}
		return n.Inputs[0].Type, nil
	}
}

// refuseSliceIndex checks the index of slices and normalises dim.
func refuseSliceIndex(n *ir.Node) (dim int, err error) {
	if err := kit.RefuseIndexDType(n, 1); err != nil {
		return 0, err
	}
	if dim, err = kit.NormDim(n, n.Inputs[0].Type.Shape); err != nil {
		return 0, err
	}
	if len(n.Inputs[1].Type.Shape) != 1 {
		return 0, ir.Argf("index", "index must be one-dimensional; %s", kit.Named(n, 1))
	}
	return dim, nil
}

// sampleSlices draws a call.
func sampleSlices(s ir.Sampler) []any {
	shape := s.Shape(1)
	dim, written := s.Dim(shape)
	from := slices.Clone(shape)
	from[dim] = s.Count(shape, dim)
	return []any{s.Tensor(shape), written, s.Indices(shape[dim], from[dim:dim+1]), s.Tensor(from)}
}
