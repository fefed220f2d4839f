package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Squeeze = ir.Register(&ir.Op{
	Name:   "squeeze",
	Family: ir.Shapes,
	Doc: `x without its dims of size 1: those given, or all.

A given dim of another size is an error; PyTorch leaves it alone.`,
	Example: `
x: i32[1, 1, 2] = [[[1, 2]]]
squeeze(x): i32[2] = [1, 2]`,
	Params: []ir.Param{
		kit.ParamX,
		{Name: "dim", Kind: ir.KDims, Optional: true, Doc: "the dims to drop; all of size 1 by default"},
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		if n.Ints("dim") == nil {
			ones := []int{}
			for i, d := range x.Shape {
				if d == 1 {
					ones = append(ones, i)
				}
			}
			n.SetAttr("dim", ones)
		}
		dims, err := kit.PositiveDims(n, "dim", x.Shape)
		if err != nil {
			return ir.Type{}, err
		}
		for _, d := range dims {
			if x.Shape[d] != 1 {
				return ir.Type{}, ir.Argf("dim", "squeeze drops dims of size 1; dim %d has size %d; %s", d, x.Shape[d], kit.Named(n, 0))
			}
		}
		return ir.Type{DType: x.DType, Shape: kit.Without(x.Shape, dims, false)}, nil
	},
	Grad:      gradReshape,
	Reference: referenceReshape,
	Decompose: asReshape,
	Sample:    func(s ir.Sampler) []any { return []any{s.Tensor(s.Shape(0))} },
})
