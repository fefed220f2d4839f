package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var OneHot = ir.Register(&ir.Op{
	Name:   "one_hot",
	Family: ir.Indexing,
	Doc: `A row for each class of x, with 1 at the class and 0 elsewhere.

x of shape [...] gives [..., num_classes], in f32; PyTorch's is i64. A class out of
range gives a row of NaN.`,
	Example: `
x: i32[2] = [2, 0]
one_hot(x, 3): f32[2, 3] = [[0, 0, 1], [1, 0, 0]]`,
	Torch:   "torch.nn.functional.one_hot",
	Params:  []ir.Param{kit.Index("x", "classes: u8, i32 or i64"), kit.Integer("num_classes", "how many classes there are")},
	Indices: &ir.Indices{Param: "x", Called: "classes", Size: func(n *ir.Node) int { return n.Int("num_classes") }},
	Class:   ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseIndexDType(n, 0); err != nil {
			return ir.Type{}, err
		}
		classes := n.Int("num_classes")
		if classes < 1 {
			return ir.Type{}, ir.Argf("num_classes", "num_classes must be at least 1, got %d", classes)
		}
		return ir.Type{DType: ir.F32, Shape: append(append(ir.Shape{}, n.Inputs[0].Type.Shape...), classes)}, nil
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, classes := kit.Filled(n.Type, kit.Nothing(n.Type.DType)), n.Int("num_classes")
		for i := range out.F {
			if class := in[0].I[i/classes]; class >= 0 && class < int64(classes) {
				out.F[i] = float64(kit.Truth(class == int64(i%classes)))
			}
		}
		return out
	},
	Sample: func(s ir.Sampler) []any {
		classes := s.Int(1, 9)
		return []any{s.Indices(classes, s.OfRank(s.Int(0, ir.MaxRank-1))), classes}
	},
})
