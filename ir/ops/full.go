package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Full = ir.Register(&ir.Op{
	Name:   "full",
	Family: ir.Creation,
	Doc: `A tensor whose elements all have one value.

The dtype follows from the value: f32 for floats, i64 for ints, bool for bools. Beside
another tensor a plain number does the same.`,
	Example: `
full([2, 2], 7): i64[2, 2] = [[7, 7], [7, 7]]`,
	Params: []ir.Param{
		kit.ParamShape,
		{Name: "value", Kind: ir.KNumber, Doc: "the value of every element"},
		kit.DtypeInferred,
	},
	Class: ir.Leaf,
	Infer: func(n *ir.Node) (ir.Type, error) {
		d := kit.InferredDType(n, n.Attr("value"))
		if err := kit.NormNumber(n, "value", d); err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: d, Shape: n.Ints("shape")}, nil
	},
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array { return kit.Filled(n.Type, n.Attr("value")) },
	Sample:    func(s ir.Sampler) []any { return []any{[]int(s.Shape(0)), 1, s.DType()} },
})
