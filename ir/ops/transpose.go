package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Transpose = ir.Register(&ir.Op{
	Name:   "transpose",
	Family: ir.Shapes,
	Doc:    `x with two dims swapped, the last two by default.`,
	Example: `
x: i32[2, 3] = [[1, 2, 3], [4, 5, 6]]
transpose(x): i32[3, 2] = [[1, 4], [2, 5], [3, 6]]`,
	Aliases: "T t swapaxes swapdims",
	Params: []ir.Param{
		kit.ParamX,
		kit.IntegerOr("dim0", -2, "one of the dims"),
		kit.IntegerOr("dim1", -1, "the other one"),
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		if len(x.Shape) < 2 {
			return ir.Type{}, kit.Refuse("x", "", "transpose requires at least two dims; %s", kit.Named(n, 0))
		}
		p, err := x.Shape.Dim(n.Int("dim0"))
		if err != nil {
			return ir.Type{}, ir.Argf("dim0", "%s", err)
		}
		q, err := x.Shape.Dim(n.Int("dim1"))
		if err != nil {
			return ir.Type{}, ir.Argf("dim1", "%s", err)
		}
		n.SetAttr("dim0", min(p, q))
		n.SetAttr("dim1", max(p, q))
		return ir.Type{DType: x.DType, Shape: permuted(x.Shape, swap(n))}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("transpose", g, n.Int("dim0"), n.Int("dim1"))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return permuteArray(n.Type, in[0], swap(n))
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Op("permute", n.Inputs[0], swap(n))
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(2)
		_, dim0 := s.Dim(shape)
		_, dim1 := s.Dim(shape)
		return []any{s.Tensor(shape), dim0, dim1}
	},
})

// swap is a transposition as a permutation of all dims.
func swap(n *ir.Node) []int {
	dims := make([]int, len(n.Inputs[0].Type.Shape))
	for i := range dims {
		dims[i] = i
	}
	p, q := n.Int("dim0"), n.Int("dim1")
	dims[p], dims[q] = q, p
	return dims
}
