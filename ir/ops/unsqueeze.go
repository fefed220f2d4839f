package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Unsqueeze is the op unsqueeze.
var Unsqueeze = ir.Register(&ir.Op{
	Name: "unsqueeze",
	Doc: `unsqueeze(x, dim): x with a new dim of size 1, which becomes dim number dim of the result.

Example: unsqueeze([1, 2], -1) = [[1], [2]]`,
	Params: []ir.Param{paramX, integer("dim", "where the new dim goes, counted in the result")},
	Class:  ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		dim, err := newDim(n, x.Shape)
		return ir.Type{DType: x.DType, Shape: slices.Insert(slices.Clone(x.Shape), dim, 1)}, err
	},
	Grad:      gradReshape,
	Reference: referenceReshape,
	Decompose: asReshape,
})

// newDim normalises the position of a dim that is yet to come.
func newDim(n *ir.Node, s ir.Shape) (int, error) {
	dim, rank := n.Int("dim"), len(s)+1
	if dim < -rank || dim >= rank {
		return 0, ir.Argf("dim", "dim %d is out of range: the result has dims %d to %d; %s", dim, -rank, rank-1, named(n, 0))
	}
	if dim < 0 {
		dim += rank
	}
	n.SetAttr("dim", dim)
	return dim, nil
}
