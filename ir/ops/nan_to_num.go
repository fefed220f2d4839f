package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var NanToNum = ir.Register(&ir.Op{
	Name:   "nan_to_num",
	Family: ir.Arithmetic,
	Doc: `x with numbers in place of NaN and the infinities.

Infinities become the largest and the least number of x's dtype by default. Integers stay
as they are. The gradient is 0 where something was replaced.`,
	Example: `
x: f32[2] = [1, 2]
nan_to_num(x / 0, posinf=5): f32[2] = [5, 5]`,
	Params: []ir.Param{
		kit.ParamX,
		kit.FloatOr("nan", 0, "what NaN becomes"),
		{Name: "posinf", Kind: ir.KFloat, Optional: true, Doc: "what infinity becomes; by default the largest number"},
		{Name: "neginf", Kind: ir.KFloat, Optional: true, Doc: "what -infinity becomes; by default the least number"},
	},
	Class: ir.Elementwise,
	Infer: kit.LikeNumber,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Where(b.Op("isfinite", n.Inputs[0]), g, 0.0)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		nan, high, low := replacements(n)
		return kit.EachNumber(func(v float64) float64 {
			switch {
			case v != v:
				return nan
			case math.IsInf(v, 1):
				return high
			case math.IsInf(v, -1):
				return low
			}
			return v
		}, func(v int64) int64 { return v })(n, in)
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x := n.Inputs[0]
		if !x.Type.DType.IsFloat() {
			return x
		}
		nan, high, low := replacements(n)
		finite := b.Where(b.Eq(x, math.Inf(1)), high, b.Where(b.Eq(x, math.Inf(-1)), low, x))
		return b.Where(b.Op("isnan", x), nan, finite)
	},
	Sample: kit.SampleUnary(0.5, 2.0, -2.0),
})

// replacements are what nan_to_num puts in the place of NaN, infinity and -infinity.
func replacements(n *ir.Node) (nan, high, low float64) {
	largest := map[ir.DType]float64{ir.F16: 65504, ir.BF16: 0x1.fep127, ir.F32: math.MaxFloat32, ir.F64: math.MaxFloat64}[n.Type.DType]
	high, low = largest, -largest
	if v, ok := n.Attr("posinf").(float64); ok {
		high = v
	}
	if v, ok := n.Attr("neginf").(float64); ok {
		low = v
	}
	return n.Float("nan"), high, low
}
