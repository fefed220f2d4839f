package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var BroadcastTo = ir.Register(&ir.Op{
	Name:   "broadcast_to",
	Family: ir.Shapes,
	Doc: `x repeated to a larger shape.

Shapes are aligned at their last dims; each dim of x is as large as the shape's, or
1.`,
	Example: `
x: i32[2] = [1, 2]
broadcast_to(x, [2, 2]): i32[2, 2] = [[1, 2], [1, 2]]`,
	Aliases: "expand",
	Params:  []ir.Param{kit.ParamX, kit.ParamShape},
	Class:   ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x, to := n.Inputs[0].Type, ir.Shape(n.Ints("shape"))
		if err := ir.CheckShape(x.DType, to); err != nil {
			return ir.Type{}, ir.Argf("shape", "%s", err)
		}
		meet, ok := ir.Broadcast(x.Shape, to)
		if !ok || !meet.Equal(to) {
			return ir.Type{}, kit.Refuse("shape", "dims are aligned at the last; unsqueeze or reshape x first",
				"%s can't be broadcast to %s: each dim must be equal or 1", kit.Typed(n, 0), to)
		}
		return ir.Type{DType: x.DType, Shape: to}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{b.SumTo(g, n.Inputs[0])} },
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return kit.Pick(n.Type, in[0], kit.BroadcastOffsets(in[0].Type.Shape, n.Type.Shape))
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(0)
		return []any{s.Tensor(s.Part(shape)), []int(shape)}
	},
})
