package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Detach = ir.Register(&ir.Op{
	Name:   "detach",
	Family: ir.DTypeFamily,
	Doc: `x, without a gradient.

For gradients it is a constant.`,
	Example: `
x: f32[2] = [1, 2]
detach(x): f32[2] = [1, 2]`,
	Torch:     "torch.Tensor.detach",
	Aliases:   "stop_gradient StopGradient no_grad",
	Params:    []ir.Param{kit.ParamX},
	Class:     ir.Elementwise,
	Infer:     kit.LikeOperand,
	Reference: func(_ *ir.Node, in []*ir.Array) *ir.Array { return in[0] },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Op("reshape", n.Inputs[0], []int(n.Type.Shape))
	},
})
