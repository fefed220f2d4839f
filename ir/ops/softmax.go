package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Softmax is the op softmax.
var Softmax = ir.Register(&ir.Op{
	Name: "softmax",
	Doc: `softmax(x, dim): exp(x) / sum(exp(x)) along a dim, without overflow.

Integers and bools count as f32. A row that is all -inf, or has inf or NaN in it,
becomes NaN.

Example: softmax([[0.0, 0.0], [1000.0, 0.0]], dim=1) = [[0.5, 0.5], [1.0, 0.0]]`,
	Params:  paramsAlong,
	Class:   ir.Reduce,
	Promote: ir.PromoteFloat,
	Infer:   inferAlong,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		weighted := mul(b, g, n)
		return nodes{sub(b, weighted, mul(b, n, sum(b, weighted, []int{n.Int("dim")})))}
	},
	Reference: alongRow(func(out, v []float64) {
		top := slices.Max(v)
		s := sumExp(v, top)
		for i, x := range v {
			out[i] = math.Exp(x-top) / s
		}
	}, nil),
})

// paramsAlong are the parameters of ops that work along one dim.
var paramsAlong = []ir.Param{paramX, integer("dim", "the dim along which it is taken")}

// inferAlong is the type rule of ops that work along one dim and keep the type.
func inferAlong(n *ir.Node) (ir.Type, error) {
	x := n.Inputs[0].Type
	_, err := normDim(n, x.Shape)
	return x, err
}

// alongRow evaluates an op that maps each row along the attribute dim to a
// row of the same length.
func alongRow(f func(out, v []float64), fi func(out, v []int64)) referenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := rows(in[0].Type.Shape, []int{n.Int("dim")})
		for start := 0; start < len(offs); start += length {
			row := offs[start : start+length]
			if in[0].F != nil {
				mapRow(f, out.F, in[0].F, row)
			} else {
				mapRow(fi, out.I, in[0].I, row)
			}
		}
		for i, v := range out.I {
			out.I[i] = wrap(n.Type.DType, v)
		}
		return out
	}
}

func mapRow[T any](f func(out, v []T), out, x []T, row []int) {
	from, to := make([]T, len(row)), make([]T, len(row))
	f(to, gatherRow(from, x, row))
	for i, at := range row {
		out[at] = to[i]
	}
}
