package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Mean = ir.Register(kit.Reduction(&ir.Op{
	Name: "mean",
	Doc: `The mean of the elements along some dims, or of all.

The mean of bools is the fraction that is true. Integers are cast first. The mean of
no elements is NaN.`,
	Example: `
x: f32[2, 2] = [[1, 2], [3, 4]]
mean(x, dim=0): f32[2] = [2, 3]`,
	Aliases: "reduce_mean Average",
	Infer: func(n *ir.Node) (ir.Type, error) {
		d := n.Inputs[0].Type.DType
		if d.IsInt() {
			return ir.Type{}, kit.Refuse("x", `cast it first: mean(cast(x, "f32"))`,
				"mean requires floats or bools; %s", kit.Named(n, 0))
		}
		if d == ir.Bool {
			d = ir.F32
		}
		return kit.ReducedTo(n, d)
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x := n.Inputs[0]
		if x.Type.DType == ir.Bool {
			return []*ir.Node{nil}
		}
		return []*ir.Node{kit.Spread(b, n, b.Div(g, float64(kit.ReducedCount(n))))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return kit.EachRow(average, nil)(n, []*ir.Array{asFloats(in[0])})
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x := b.Cast(n.Inputs[0], n.Type.DType.Wide())
		return b.Cast(averageNodes(b, x, n.Ints("dim"), n.Bool("keepdim")), n.Type.DType)
	},
}))

// averageNodes is the mean as nodes that all have kernels.
func averageNodes(b *ir.Builder, x *ir.Node, dims []int, keepdim bool) *ir.Node {
	count := 1
	for _, d := range dims {
		count = ir.MulSize(count, x.Type.Shape[d])
	}
	return b.Div(b.Op("sum", x, dims, keepdim), float64(count))
}

func average(v []float64) float64 { return total(v) / float64(len(v)) }

// asFloats gives bools and integers as f32.
func asFloats(x *ir.Array) *ir.Array {
	if x.F != nil {
		return x
	}
	out := ir.NewArray(ir.Type{DType: ir.F32, Shape: x.Type.Shape})
	for i, v := range x.I {
		out.F[i] = float64(v)
	}
	return out
}
