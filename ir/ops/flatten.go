package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Flatten = ir.Register(&ir.Op{
	Name:   "flatten",
	Family: ir.Shapes,
	Doc: `x with the dims from start_dim to end_dim joined into one.

A scalar becomes [1].`,
	Example: `
x: i32[1, 2, 2] = [[[1, 2], [3, 4]]]
flatten(x, 1): i32[1, 4] = [[1, 2, 3, 4]]`,
	Aliases: "Flatten",
	Params: []ir.Param{
		kit.ParamX,
		kit.IntegerOr("start_dim", 0, "the first of the dims"),
		kit.IntegerOr("end_dim", -1, "the last of them"),
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		if len(x.Shape) == 0 {
			return ir.Type{DType: x.DType, Shape: ir.Shape{1}}, nil
		}
		from, err := kit.NormDimOf(n, "start_dim", x.Shape)
		if err != nil {
			return ir.Type{}, err
		}
		to, err := kit.NormDimOf(n, "end_dim", x.Shape)
		if err != nil {
			return ir.Type{}, err
		}
		if to < from {
			return ir.Type{}, ir.Argf("end_dim", "end_dim must not come before start_dim; start_dim is %d, end_dim is %d; %s",
				from, to, kit.Named(n, 0))
		}
		shape := append(ir.Shape{}, x.Shape[:from]...)
		shape = append(shape, x.Shape[from:to+1].Numel())
		return ir.Type{DType: x.DType, Shape: append(shape, x.Shape[to+1:]...)}, nil
	},
	Grad:      gradReshape,
	Reference: referenceReshape,
	Decompose: asReshape,
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		_, written := s.Dim(shape)
		return []any{s.Tensor(shape), 0, written}
	},
})
