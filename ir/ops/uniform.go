package ops

import "github.com/flowrun/flowrun/ir"

// Uniform is the op uniform.
var Uniform = ir.Register(&ir.Op{
	Name: "uniform",
	Doc: `uniform(low=0.0, high=1.0, shape, dtype="f32"): random numbers, evenly spread from low to high.

They are drawn anew at every step. There are 2**24 different ones. f16 and bf16
are drawn in f32 and rounded.

Example: uniform(0.0, 1.0, [4], step=0, key=0) = [0.39904642, 0.88052017, 0.73571277, 0.6054818]`,
	Params: paramsRandom(ir.F32,
		floatOr("low", 0, "the smallest value"),
		floatOr("high", 1, "the end of the range")),
	Class:  ir.Leaf,
	Random: true,
	Infer: func(n *ir.Node) (ir.Type, error) {
		t, err := inferRandomFloat(n)
		if low, high := n.Float("low"), n.Float("high"); err == nil && !(low <= high) {
			return t, ir.Argf("high", "high must be at least low; low is %v, high is %v", low, high)
		}
		return t, err
	},
	Eval: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, d := ir.NewArray(n.Type), drawsOf(n, in)
		low, high := n.Float("low"), n.Float("high")
		for i := range out.F {
			u := unit(d.word(i))
			if n.Type.DType == ir.F64 {
				out.F[i] = low + float64((high-low)*u)
				continue
			}
			// Each operation is rounded, as kernels do it. The conversions keep Go
			// from fusing them.
			span := float32(float32(high) - float32(low))
			out.F[i] = rounded(n.Type.DType, float64(float32(low)+float32(span*float32(u))))
		}
		return out
	},
})
