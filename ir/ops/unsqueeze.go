package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Unsqueeze = ir.Register(&ir.Op{
	Name:   "unsqueeze",
	Family: ir.Shapes,
	Doc: `x with a new dim of size 1.

dim is its position in the result; -1 puts it last.`,
	Example: `
x: i32[2] = [1, 2]
unsqueeze(x, -1): i32[2, 1] = [[1], [2]]`,
	Aliases: "expand_dims",
	Params:  []ir.Param{kit.ParamX, kit.Integer("dim", "the position of the new dim in the result")},
	Class:   ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		dim, err := newDim(n, x.Shape)
		return ir.Type{DType: x.DType, Shape: slices.Insert(slices.Clone(x.Shape), dim, 1)}, err
	},
	Grad:      gradReshape,
	Reference: referenceReshape,
	Decompose: asReshape,
	Sample: func(s ir.Sampler) []any {
		shape := s.OfRank(s.Int(0, 4))
		_, written := s.Dim(append(ir.Shape{1}, shape...))
		return []any{s.Tensor(shape), written}
	},
})

// newDim normalises the position of a dim that is yet to come.
func newDim(n *ir.Node, s ir.Shape) (int, error) {
	dim, rank := n.Int("dim"), len(s)+1
	if dim < -rank || dim >= rank {
		return 0, ir.Argf("dim", "dim %d is out of range: the result has dims %d to %d; %s", dim, -rank, rank-1, kit.Named(n, 0))
	}
	if dim < 0 {
		dim += rank
	}
	n.SetAttr("dim", dim)
	return dim, nil
}
