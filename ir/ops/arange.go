package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Arange is the op arange.
var Arange = ir.Register(&ir.Op{
	Name: "arange",
	Doc: `arange(start, end, step=1, dtype=nil): the numbers start, start + step, … before end.

With one argument they go from 0 to it. The dtype is i64 for ints and f32 if one
argument is a float.

Example: arange(1, 8, 3) = [1, 4, 7]`,
	Params: []ir.Param{
		{Name: "start", Kind: ir.KNumber, Doc: "the first number; the end, if it stands alone"},
		{Name: "end", Kind: ir.KNumber, Optional: true, Doc: "what the numbers don't reach"},
		{Name: "step", Kind: ir.KNumber, Default: 1, Optional: true, Doc: "the distance between numbers"},
		kit.DtypeInferred,
	},
	Class: ir.Leaf,
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
		return ir.Type{}, ir.Argf("step", "from %v, steps of %v lead away from %v", n.Attr("start"), n.Attr("step"), n.Attr("end"))
	case !(count <= math.MaxInt32):
		return ir.Type{}, ir.Argf("end", "arange would make %v numbers; at most 2**31 - 1 are possible", count)
	}
	return ir.Type{DType: d, Shape: ir.Shape{int(count)}}, nil
}
