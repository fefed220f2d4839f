package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Uniform = ir.Register(&ir.Op{
	Name:   "uniform",
	Family: ir.Randomness,
	Doc: `Random numbers spread evenly from low up to, but not including, high.

They are redrawn at each step, and depend on the seed, the step and the node's
name only. There are 2**24 different ones. f16 and bf16 are drawn in f32 and rounded.
Where the dtype has no number from low up to high, all are the one next to low.`,
	Example: `
uniform(0.0, 1.0, [3]): f32[3] = [0.89113444, 0.40275383, 0.024653971]`,
	Torch: "torch.Tensor.uniform_",
	Params: append(kit.ParamsRandom(ir.F32,
		kit.FloatOr("low", 0, "the smallest value"),
		kit.FloatOr("high", 1, "the end of the range, which is not included")),
		derived("base", "low, or half of it"),
		derived("span", "high - low, or half of it, which is finite"),
		derived("scale", "1, or 2 where base and span are halves"),
		derived("top", "the largest value that may be drawn")),
	Class:  ir.Leaf,
	Random: true,
	Infer:  inferUniform,
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, d := ir.NewArray(n.Type), kit.DrawsOf(n, in)
		base, span, scale, top := n.Float("base"), n.Float("span"), n.Float("scale"), n.Float("top")
		for i := range out.F {
			u := kit.Unit(d.Word(i))
			if n.Type.DType == ir.F64 {
				out.F[i] = min((base+float64(span*u))*scale, top)
				continue
			}
			// Each operation is rounded, as kernels do it. The conversions keep Go
			// from fusing them.
			v := float32(float32(base)+float32(float32(span)*float32(u))) * float32(scale)
			out.F[i] = kit.Rounded(n.Type.DType, min(float64(v), top))
		}
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		if c.Node.Type.DType != ir.F64 {
			return kit.Constant(0) // computed as the reference does
		}
		return kit.Constant(2 * c.Unit * (math.Abs(c.Node.Float("low")) + math.Abs(c.Node.Float("high"))))
	},
	Sample: func(s ir.Sampler) []any { return []any{-0.5, 1.5, []int(s.Shape(0)), s.DType()} },
})

// derived is a float that the type rule works out of the others.
func derived(name, doc string) ir.Param {
	return ir.Param{Name: name, Kind: ir.KFloat, Hidden: true, Derived: true, Optional: true, Doc: doc}
}

// inferUniform derives the numbers that all devices compute draws from, so that
// they agree: min((base + span · u) · scale, top), with u from 0 up to 1.
func inferUniform(n *ir.Node) (ir.Type, error) {
	t, err := kit.InferRandomFloat(n)
	if err != nil {
		return t, err
	}
	low, high := n.Float("low"), n.Float("high")
	if !(low <= high) {
		return t, ir.Argf("high", "high must be at least low; low is %v, high is %v", low, high)
	}
	for _, bound := range []string{"low", "high"} {
		if v := n.Float(bound); math.IsInf(kit.Rounded(t.DType, v), 0) {
			return t, ir.Argf(bound, "%s is %v, which %s can't represent", bound, v, t.DType)
		}
	}
	computed := t.DType.Wide()
	base, end, scale := kit.Rounded(computed, low), kit.Rounded(computed, high), 1.0
	if math.IsInf(kit.Rounded(computed, end-base), 0) {
		base, end, scale = base/2, end/2, 2
	}
	n.SetAttr("base", base)
	n.SetAttr("span", kit.Rounded(computed, end-base))
	n.SetAttr("scale", scale)
	n.SetAttr("top", max(below(t.DType, min(high, kit.Rounded(t.DType, high))), kit.Rounded(t.DType, low)))
	return t, nil
}

// below is the largest number of a floating dtype that is less than v, which
// rounds to v or to something larger.
func below(d ir.DType, v float64) float64 {
	switch d {
	case ir.F64:
		return math.Nextafter(v, math.Inf(-1))
	case ir.F32:
		return float64(math.Nextafter32(float32(v), float32(math.Inf(-1))))
	case ir.F16:
		return float64(ir.F16ToF32(down(ir.F64ToF16(v))))
	}
	return float64(ir.BF16ToF32(down(ir.F64ToBF16(v))))
}

// down is the next float of 16 bits towards -inf: floats of one sign are in the
// order of their bits.
func down(bits uint16) uint16 {
	switch {
	case bits&0x7fff == 0: // 0 and -0
		return 0x8001
	case bits&0x8000 != 0:
		return bits + 1
	}
	return bits - 1
}
