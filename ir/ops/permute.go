package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Permute = ir.Register(&ir.Op{
	Name:   "permute",
	Family: ir.Shapes,
	Doc: `x with its dims in another order: dim i of the result is dim dims[i] of x.

dims lists every dim of x once.`,
	Example: `
x: i32[2, 3] = [[1, 2, 3], [4, 5, 6]]
permute(x, [1, 0]): i32[3, 2] = [[1, 4], [2, 5], [3, 6]]`,
	Aliases: "moveaxis movedim Permute",
	Params:  []ir.Param{kit.ParamX, {Name: "dims", Kind: ir.KInts, Doc: "x's dims in the order of the result"}},
	Class:   ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		dims, err := kit.DistinctDims(n, "dims", x.Shape)
		if err != nil {
			return ir.Type{}, err
		}
		if len(dims) != len(x.Shape) {
			return ir.Type{}, ir.Argf("dims", "dims %v must list each of %d dims once; %s",
				ir.Shape(n.Ints("dims")), len(x.Shape), kit.Named(n, 0))
		}
		n.SetAttr("dims", dims)
		return ir.Type{DType: x.DType, Shape: permuted(x.Shape, dims)}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("permute", g, inverse(n.Ints("dims")))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return permuteArray(n.Type, in[0], n.Ints("dims"))
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(0)
		return []any{s.Tensor(shape), s.Dims(shape, len(shape))}
	},
})

// inverse is the order that undoes another one.
func inverse(order []int) []int {
	back := make([]int, len(order))
	for i, d := range order {
		back[d] = i
	}
	return back
}

// permuted picks sizes, or strides, in an order.
func permuted(s ir.Shape, dims []int) ir.Shape {
	out := make(ir.Shape, len(dims))
	for i, d := range dims {
		out[i] = s[d]
	}
	return out
}

func permuteArray(t ir.Type, x *ir.Array, dims []int) *ir.Array {
	return kit.Pick(t, x, kit.Offsets(t.Shape, permuted(x.Type.Shape.Strides(), dims), 0))
}
