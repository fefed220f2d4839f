package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Clamp = ir.Register(&ir.Op{
	Name:   "clamp",
	Family: ir.Arithmetic,
	Doc: `x limited to the range from min to max, element by element.

At least one of min and max is given; for integers they are ints. NaN stays NaN.
The gradient passes where x is in the range, its ends included.`,
	Example: `
x: f32[3] = [-3, 0, 3]
clamp(x, -1, 2): f32[3] = [-1, 0, 2]`,
	Aliases: "clip clip_by_value",
	Params: []ir.Param{
		kit.Tensor("x", "numbers of any shape"),
		{Name: "min", Kind: ir.KNumber, Optional: true, Doc: "the smallest value"},
		{Name: "max", Kind: ir.KNumber, Optional: true, Doc: "the largest value"},
	},
	Class: ir.Elementwise,
	Infer: inferClamp,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, low, high := n.Inputs[0], n.Float("min"), n.Float("max")
		var inside *ir.Node
		switch {
		case math.IsInf(low, -1):
			inside = b.Le(x, high)
		case math.IsInf(high, 1):
			inside = b.Ge(x, low)
		default:
			inside = b.And(b.Ge(x, low), b.Le(x, high))
		}
		return []*ir.Node{b.Where(inside, g, 0.0)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		low, high := n.Attr("min"), n.Attr("max")
		return kit.EachNumber(
			func(v float64) float64 { return min(max(v, low.(float64)), high.(float64)) },
			func(v int64) int64 { return min(max(v, int64(low.(int))), int64(high.(int))) },
		)(n, in)
	},
	Sample: kit.SampleUnary(0, 2),
})

// inferClamp replaces a missing bound by the end of the dtype's range.
func inferClamp(n *ir.Node) (ir.Type, error) {
	if err := kit.RefuseNonNumber(n, 0); err != nil {
		return ir.Type{}, err
	}
	x := n.Inputs[0].Type
	if n.Attr("min") == nil && n.Attr("max") == nil {
		return ir.Type{}, ir.Argf("min", "clamp needs min, max or both")
	}
	low, high := any(math.Inf(-1)), any(math.Inf(1))
	switch x.DType {
	case ir.I32:
		low, high = math.MinInt32, math.MaxInt32
	case ir.I64:
		low, high = math.MinInt64, math.MaxInt64
	}
	for param, bound := range map[string]any{"min": low, "max": high} {
		if n.Attr(param) == nil {
			n.SetAttr(param, bound)
		} else if err := kit.NormNumber(n, param, x.DType); err != nil {
			return ir.Type{}, err
		}
	}
	low, high = n.Attr("min"), n.Attr("max")
	if asFloat(low) > asFloat(high) {
		return ir.Type{}, ir.Argf("max", "max must be at least min; min is %v, max is %v", low, high)
	}
	return x, nil
}

// asFloat gives a number in normal form as a float.
func asFloat(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	return math.NaN()
}
