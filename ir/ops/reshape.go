package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Reshape = ir.Register(&ir.Op{
	Name:   "reshape",
	Family: ir.Shapes,
	Doc: `The elements of x, in their order, in another shape.

Both shapes have the same number of elements. One size may be -1: it follows from the others.`,
	Example: `
x: i32[6] = [1, 2, 3, 4, 5, 6]
reshape(x, [2, -1]): i32[2, 3] = [[1, 2, 3], [4, 5, 6]]`,
	Aliases: "view resize unflatten Reshape",
	Params:  []ir.Param{kit.ParamX, kit.ParamShape},
	Class:   ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		shape, err := inferReshape(n)
		if err != nil {
			return ir.Type{}, err
		}
		n.SetAttr("shape", []int(shape))
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: shape}, nil
	},
	Grad:      gradReshape,
	Reference: referenceReshape,
	Sample: func(s ir.Sampler) []any {
		shape, to := s.Shape(0), []int{} // dims brought together, and a 1 between them
		for _, n := range shape {
			if len(to) > 0 && s.Int(0, 1) == 1 {
				to[len(to)-1] *= n
			} else {
				to = append(to, n)
			}
		}
		if len(to) < ir.MaxRank {
			to = slices.Insert(to, s.Int(0, len(to)), 1)
		}
		return []any{s.Tensor(shape), to}
	},
})

func inferReshape(n *ir.Node) (ir.Shape, error) {
	given := ir.Shape(n.Ints("shape"))
	shape := make(ir.Shape, len(given))
	copy(shape, given)
	size, rest, free := n.Inputs[0].Type.Shape.Numel(), 1, -1
	for i, d := range shape {
		switch {
		case d == -1 && free >= 0:
			return nil, ir.Argf("shape", "shape %s has -1 twice; only one dim can be inferred", given)
		case d == -1:
			free = i
		case d < 0:
			return nil, ir.Argf("shape", "shape %s has a negative dim; only -1, for an inferred dim, is allowed", given)
		default:
			rest = ir.MulSize(rest, d)
		}
	}
	if free >= 0 {
		if rest == 0 || size%rest != 0 {
			return nil, ir.Argf("shape", "%s has %d elements, which can't be reshaped to %s: the other dims multiply to %d",
				kit.Typed(n, 0), size, given, rest)
		}
		shape[free] = size / rest
		return shape, nil
	}
	if rest != size {
		return nil, ir.Argf("shape", "%s has %d elements; %s has %d", kit.Typed(n, 0), size, given, rest)
	}
	return shape, nil
}

func gradReshape(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	return []*ir.Node{b.Reshape(g, n.Inputs[0].Type.Shape)}
}

func referenceReshape(n *ir.Node, in []*ir.Array) *ir.Array {
	return &ir.Array{Type: n.Type, F: in[0].F, I: in[0].I}
}

// asReshape writes an op that only changes the shape as a reshape.
func asReshape(b *ir.Builder, n *ir.Node) *ir.Node {
	return b.Op("reshape", n.Inputs[0], []int(n.Type.Shape))
}
