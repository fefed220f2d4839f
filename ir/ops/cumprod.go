package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Cumprod = ir.Register(&ir.Op{
	Name:   "cumprod",
	Family: ir.Reductions,
	Doc: `The product of all elements up to and including each one, along a dim.

The result has x's dtype; integers wrap around. PyTorch's products of i32 are i64. The
gradient is right where there are zeros too.`,
	Example: `
x: f32[3] = [1, 2, 3]
cumprod(x, 0): f32[3] = [1, 2, 6]`,
	Params: kit.ParamsAlong,
	Class:  ir.Reduce,
	Infer:  inferRunning,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// x[i] is in all products from i on: it gets the product of all before it,
		// times what begins with g[i] and takes x[i+1] on to the next.
		dim, x := n.Int("dim"), n.Inputs[0]
		after := recurrence(b, shiftAlong(b, x, dim, -1, 0), g, dim)
		return []*ir.Node{b.Mul(shiftAlong(b, n, dim, 1, 1), after)}
	},
	Reference: kit.AlongRow(runningProduct[float64], runningProduct[int64]),
	Slack: func(c ir.Computed) ir.Slack {
		u := kit.U64
		if c.FromSource {
			u += c.Unit
		}
		return kit.Relative(c, u*float64(c.In[0].Len()))
	},
	Sample: kit.SampleAlong,
})

// inferRunning is the type rule of numbers that are joined along a dim.
func inferRunning(n *ir.Node) (ir.Type, error) {
	if err := kit.RefuseNonNumber(n, 0); err != nil {
		return ir.Type{}, err
	}
	return kit.InferAlong(n)
}

func runningProduct[T int64 | float64](out, v []T) {
	p := T(1)
	for i, x := range v {
		p *= x
		out[i] = p
	}
}

// recurrence is y[i] = v[i] + a[i]·y[i+1] along a dim, from the last element on, in as
// many rounds as the logarithm of its size: in each, an element takes in what as many
// more elements behind it give. It has sums and products alone, so its own gradients are
// right wherever it is.
func recurrence(b *ir.Builder, a, v *ir.Node, dim int) *ir.Node {
	for width := 1; width < v.Type.Shape[dim]; width *= 2 {
		v = b.Add(v, b.Mul(a, shiftAlong(b, v, dim, -width, 0)))
		a = b.Mul(a, shiftAlong(b, a, dim, -width, 0))
	}
	return v
}
