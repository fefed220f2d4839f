package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Full is the op full.
var Full = ir.Register(&ir.Op{
	Name: "full",
	Doc: `full(shape, value, dtype=nil): a tensor whose elements are all one value.

The dtype follows from the value: f32 for floats, i64 for ints, bool for bools.

Example: full([2, 2], 7) = [[7, 7], [7, 7]]`,
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
})
