package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var BitsOf = ir.Register(&ir.Op{
	Name:   "bits_of",
	Family: ir.DTypeFamily,
	Doc: `The lowest bits of x, the least significant first.

x of shape [...] gives [..., bits]: 0 or 1, in x's dtype. Negative integers are in two's
complement.`,
	Example: `
x: i32[2] = [6, 1]
bits_of(x, 4): i32[2, 4] = [[0, 1, 1, 0], [1, 0, 0, 0]]`,
	Torch:  "(x.unsqueeze(-1) >> torch.arange(bits)) & 1",
	Params: []ir.Param{kit.Tensor("x", "integers"), kit.Integer("bits", "how many bits, at most x's own")},
	Class:  ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x, bits := n.Inputs[0].Type, n.Int("bits")
		if err := kit.RefuseNonNumber(n, 0); err != nil {
			return ir.Type{}, err
		}
		if !x.DType.IsInt() {
			return ir.Type{}, kit.RefuseDType("x", `cast it first: cast(x, "i32")`, "bits_of requires integers; %s", kit.Named(n, 0))
		}
		if width := 8 * x.DType.Size(); bits < 1 || bits > width {
			return ir.Type{}, ir.Argf("bits", "bits must be from 1 to %d for %s, got %d", width, x.DType, bits)
		}
		return ir.Type{DType: x.DType, Shape: append(append(ir.Shape{}, x.Shape...), bits)}, nil
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, bits := ir.NewArray(n.Type), n.Int("bits")
		for i := range out.I {
			out.I[i] = in[0].I[i/bits] >> (i % bits) & 1
		}
		return out
	},
	Sample: func(s ir.Sampler) []any { return []any{s.Tensor(s.OfRank(s.Int(0, ir.MaxRank-1))), s.Int(1, 32)} },
})
