package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Arange = ir.Register(&ir.Op{
	Name:   "arange",
	Family: ir.Creation,
	Doc: `The numbers start, start + step, ... before end.

With one argument they go from 0 to before it. The dtype is i64 for ints, and f32 if
one argument is a float.`,
	Example: `
arange(1, 8, 3): i64[3] = [1, 4, 7]`,
	Aliases: "range",
	Params: []ir.Param{
		{Name: "start", Kind: ir.KNumber, Doc: "the first number; or the end, if it is the only argument"},
		{Name: "end", Kind: ir.KNumber, Optional: true, Doc: "the end, which is not included"},
		{Name: "step", Kind: ir.KNumber, Default: 1, Optional: true, Doc: "the distance between numbers"},
		kit.DtypeInferred,
	},
	Class: ir.Leaf,
	ULPs:  1, // a product and a sum
	Infer: inferArange,
	Reference: func(n *ir.Node, _ []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		for i := range out.F {
			out.F[i] = n.Float("start") + n.Float("step")*float64(i)
		}
		for i := range out.I {
			out.I[i] = int64(n.Int("start") + n.Int("step")*i)
		}
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		if !c.FromSource {
			return kit.Constant(0)
		}
		// start and step are rounded to f32 before they are used.
		start, step := math.Abs(asFloat(c.Node.Attr("start"))), math.Abs(asFloat(c.Node.Attr("step")))
		return func(i int) float64 { return c.Unit * (start + float64(i)*step) }
	},
	Sample: func(s ir.Sampler) []any {
		start, step := s.Int(-50, 50), s.Int(1, 5)*(1-2*s.Int(0, 1))
		return []any{start, start + step*s.OfRank(1)[0]*s.Int(1, 2), step, s.DType()}
	},
})

// inferArange gives start, end and step the Go type of the dtype.
func inferArange(n *ir.Node) (ir.Type, error) {
	if n.Attr("end") == nil {
		n.SetAttr("end", n.Attr("start"))
		n.SetAttr("start", 0)
	}
	d := kit.InferredDType(n, n.Attr("start"), n.Attr("end"), n.Attr("step"))
	if d == ir.Bool {
		return ir.Type{}, ir.Argf("start", "arange counts ints or floats, not bools")
	}
	if d == ir.U8 {
		return ir.Type{}, kit.Refuse("dtype", `cast it: cast(arange(…), "u8")`, "arange doesn't support u8")
	}
	for _, param := range []string{"start", "end", "step"} {
		if err := kit.NormNumber(n, param, d); err != nil {
			return ir.Type{}, err
		}
	}
	start, end, step := asFloat(n.Attr("start")), asFloat(n.Attr("end")), asFloat(n.Attr("step"))
	count := math.Ceil((end - start) / step)
	switch {
	case step == 0:
		return ir.Type{}, ir.Argf("step", "step can't be 0")
	case count < 0:
		return ir.Type{}, ir.Argf("step", "starting at %v, steps of %v never reach %v", n.Attr("start"), n.Attr("step"), n.Attr("end"))
	case !(count <= math.MaxInt32):
		return ir.Type{}, ir.Argf("end", "arange would produce %v numbers; the limit is 2**31 - 1", count)
	}
	return ir.Type{DType: d, Shape: ir.Shape{int(count)}}, nil
}
