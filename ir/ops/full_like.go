package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var FullLike = ir.Register(&ir.Op{
	Name:   "full_like",
	Family: ir.Creation,
	Doc:    `One value in the shape and dtype of x.`,
	Example: `
x: f32[2] = [5, 6]
full_like(x, 2): f32[2] = [2, 2]`,
	Params: []ir.Param{kit.ParamX, {Name: "value", Kind: ir.KNumber, Doc: "the value of every element"}},
	Class:  ir.Leaf,
	Infer: func(n *ir.Node) (ir.Type, error) {
		t := n.Inputs[0].Type
		return t, kit.NormNumber(n, "value", t.DType)
	},
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return kit.Filled(n.Type, n.Attr("value")) },
	Inline:    true,
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Fill(n.Type, n.Attr("value")) },
	Sample:    kit.SampleUnary(1),
})
