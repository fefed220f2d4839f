package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Unsqueeze is the op unsqueeze.
var Unsqueeze = ir.Register(&ir.Op{
	Name: "unsqueeze",
	Doc: `unsqueeze(x, dim): x with a new dim of size 1, which becomes dim number dim of the result.

Example: unsqueeze([1, 2], -1) = [[1], [2]]`,
	Params: []ir.Param{kit.ParamX, kit.Integer("dim", "where the new dim goes, counted in the result")},
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
		return 0, ir.Argf("dim", "dim %d is out of range: the result has dims %d to %d; %s", dim, -rank, rank-1, kit.Named(n, 0))
	}
	if dim < 0 {
		dim += rank
	}
	n.SetAttr("dim", dim)
	return dim, nil
}
