package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Argcummax = ir.Register(runningPosition(&ir.Op{
	Name: "argcummax",
	Doc: `The index of the largest element up to and including each one, along a dim.

Of equal elements the last counts, and NaN counts as the largest. They are the indices of
PyTorch's cummax, in i32.`,
	Example: `
x: f32[4] = [1, 3, 2, 3]
argcummax(x, 0): i32[4] = [0, 1, 1, 3]`,
	Torch: "torch.cummax(…).indices",
}, func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b }))

// runningPosition is an op that finds the best element so far: the last that is at least
// as good as all before it.
func runningPosition(op *ir.Op, asGood func(a, b float64) bool, asGoodInt func(a, b int64) bool) *ir.Op {
	op.Family, op.Class, op.Params, op.Sample = ir.Reductions, ir.Reduce, kit.ParamsAlong, kit.SampleAlong
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		t, err := inferRunning(n)
		t.DType = ir.I32
		return t, err
	}
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := kit.Rows(n.Type.Shape, []int{n.Int("dim")})
		for start := 0; start < len(offs); start += length {
			row := offs[start : start+length]
			if in[0].F != nil {
				bestSoFar(out.I, row, in[0].F, asGood)
			} else {
				bestSoFar(out.I, row, in[0].I, asGoodInt)
			}
		}
		return out
	}
	return op
}

func bestSoFar[T int64 | float64](out []int64, row []int, x []T, asGood func(a, b T) bool) {
	best := 0
	for j, at := range row {
		if v, top := x[at], x[row[best]]; v != v || top == top && asGood(v, top) {
			best = j
		}
		out[at] = int64(best)
	}
}

// running is an op whose elements are those that the op arg finds.
func running(op *ir.Op, arg string) *ir.Op {
	taken := func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Op(arg, n.Inputs[0], n.Int("dim")) }
	op.Family, op.Class, op.Params, op.Sample, op.Infer = ir.Reductions, ir.Other, kit.ParamsAlong, kit.SampleAlong, inferRunning
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Op("gather", n.Inputs[0], n.Int("dim"), taken(b, n))
	}
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		index := ir.NewArray(ir.Type{DType: ir.I32, Shape: n.Type.Shape})
		like := *n
		like.Op, like.Type = ir.LookupOp(arg), index.Type
		return kit.Pick(n.Type, in[0], kit.Indexed(n.Type.Shape, n.Int("dim"), like.Op.Reference(&like, in)))
	}
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Op("scatter_add", b.Fill(n.Type, 0), n.Int("dim"), taken(b, n), g)}
	}
	return op
}
