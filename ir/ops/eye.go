package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Eye = ir.Register(&ir.Op{
	Name:   "eye",
	Family: ir.Creation,
	Doc:    `A matrix with 1 on its main diagonal and 0 elsewhere.`,
	Example: `
eye(2): f32[2, 2] = [[1, 0], [0, 1]]`,
	Params: []ir.Param{
		kit.Integer("n", "the number of rows"),
		{Name: "m", Kind: ir.KInt, Optional: true, Doc: "the number of columns; n by default"},
		kit.DtypeOr(ir.F32),
	},
	Class: ir.Leaf,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if n.Attr("m") == nil {
			n.SetAttr("m", n.Int("n"))
		}
		return ir.Type{DType: n.Attr("dtype").(ir.DType), Shape: ir.Shape{n.Int("n"), n.Int("m")}}, nil
	},
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		for i := range min(n.Int("n"), n.Int("m")) {
			if at := i*n.Int("m") + i; out.F != nil {
				out.F[at] = 1
			} else {
				out.I[at] = 1
			}
		}
		return out
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.OfRank(2)
		return []any{shape[0], shape[1], s.DType()}
	},
})
