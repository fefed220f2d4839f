package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Detach is the op detach.
var Detach = ir.Register(&ir.Op{
	Name: "detach",
	Doc: `detach(x): x, through which no gradient passes.

To gradients it is a constant.

Example: detach([1.0, 2.0]) = [1.0, 2.0]`,
	Params:    []ir.Param{kit.ParamX},
	Class:     ir.Elementwise,
	Infer:     kit.LikeOperand,
	Reference: func(_ *ir.Node, in []*ir.Array) *ir.Array { return in[0] },
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Op("reshape", n.Inputs[0], []int(n.Type.Shape))
	},
})
