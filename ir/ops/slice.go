package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Slice = ir.Register(&ir.Op{
	Name:   "slice",
	Family: ir.Shapes,
	Doc: `The elements start, start + step, ... before end along a dim.

A negative start or end counts from the end of the dim; both are limited to it, as
in Python.`,
	Example: `
x: i32[5] = [10, 11, 12, 13, 14]
slice(x, 0, 1, -1): i32[3] = [11, 12, 13]`,
	Torch: "x[start:end:step]",
	Params: []ir.Param{
		kit.ParamX,
		kit.Integer("dim", "the dim to slice"),
		kit.Integer("start", "the first index"),
		kit.Integer("end", "the index after the last one"),
		kit.IntegerOr("step", 1, "the distance between indices, at least 1"),
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		dim, err := kit.NormDim(n, x.Shape)
		if err != nil {
			return ir.Type{}, err
		}
		step := n.Int("step")
		if step < 1 {
			return ir.Type{}, kit.Refuse("step", "to reverse a dim, use flip", "step must be at least 1, got %d", step)
		}
		size := x.Shape[dim]
		start := clampIndex(n.Int("start"), 0, size)
		end := clampIndex(n.Int("end"), start, size)
		step = min(step, max(size, 1)) // a longer one takes the first element too, and none behind it
		n.SetAttr("step", step)
		n.SetAttr("start", start)
		n.SetAttr("end", end)
		shape := append(ir.Shape{}, x.Shape...)
		if shape[dim] = (end - start) / step; (end-start)%step != 0 {
			shape[dim]++
		}
		return ir.Type{DType: x.DType, Shape: shape}, nil
	},
	Grad: gradSlice,
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		strides, dim := in[0].Type.Shape.Strides(), n.Int("dim")
		start := n.Int("start") * strides[dim]
		strides[dim] *= n.Int("step")
		return kit.Pick(n.Type, in[0], kit.Offsets(n.Type.Shape, strides, start))
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dim, written := s.Dim(shape)
		n := shape[dim]
		return []any{s.Tensor(shape), written, s.Int(-n-1, n+1), s.Int(-n-1, n+1), s.Int(1, 4)}
	},
})

func clampIndex(i, low, size int) int {
	if i < 0 {
		i += size
	}
	return max(low, min(i, size))
}

// gradSlice puts zeros around the gradient; with a step, between its elements
// first.
func gradSlice(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	x := n.Inputs[0].Type.Shape
	dim, start, step := n.Int("dim"), n.Int("start"), n.Int("step")
	count := n.Type.Shape[dim]
	outer, inner := x[:dim].Numel(), x[dim+1:].Numel()
	if step > 1 {
		apart := pad(b, b.Reshape(g, ir.Shape{outer, count, 1, inner}), 2, 0, step-1)
		apart = b.Reshape(apart, ir.Shape{outer, count * step, inner})
		count = min(count*step, x[dim]-start)
		shape := append(ir.Shape{}, x...)
		shape[dim] = count
		g = b.Reshape(slice(b, apart, 1, 0, count), shape)
	}
	return []*ir.Node{pad(b, g, dim, start, x[dim]-start-count)}
}

// slice takes the elements from start up to end along a dim; x itself if that
// is all of them.
func slice(b *ir.Builder, x *ir.Node, dim, start, end int) *ir.Node {
	if start == 0 && end == x.Type.Shape[dim] {
		return x
	}
	return b.Op("slice", x, dim, start, end)
}

// pad puts zeros before and after x along a dim; x itself if there are none.
func pad(b *ir.Builder, x *ir.Node, dim, before, after int) *ir.Node {
	if before == 0 && after == 0 {
		return x
	}
	padding := make([][2]int, len(x.Type.Shape))
	padding[dim] = [2]int{before, after}
	return b.Op("pad", x, padding)
}
