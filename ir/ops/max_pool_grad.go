package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// MaxPoolGrad is the op max_pool_grad, the gradient of max_pool. Specs can't call it.
var MaxPoolGrad = ir.Register(&ir.Op{
	Name: "max_pool_grad",
	Doc: `Values of windows, added up at the elements that they are of.

index is what max_pool_index gives, and out_sizes the plane that it counts in.`,
	Params: append([]ir.Param{kit.Tensor("g", "a value for each window"), kit.Tensor("index", "the element of each window, i32")}, paramsWindows...),
	Class:  ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		g, index := n.Inputs[0].Type, n.Inputs[1].Type
		if !g.DType.IsFloat() {
			return g, ir.Argf("g", "max_pool_grad requires floats; %s", kit.Named(n, 0))
		}
		if index.DType != ir.I32 || !index.Shape.Equal(g.Shape) {
			return g, ir.Argf("index", "index must be i32 and have a place for each of g; %s, %s", kit.Named(n, 0), kit.Named(n, 1))
		}
		return inferWindowed(n, g)
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		index, size := n.Inputs[1], n.Ints("out_sizes")
		lead := len(g.Type.Shape) - len(size)
		planes := g.Type.Shape[:lead].Numel()
		flat := b.Reshape(index, ir.Shape{planes, index.Type.Shape[lead:].Numel()})
		back := gatherOrZero(b, b.Reshape(g, ir.Shape{planes, ir.Shape(size).Numel()}), 1, flat)
		return []*ir.Node{b.Reshape(back, index.Type.Shape), nil}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, w := ir.NewArray(n.Type), windowsOf(n)
		w.In, w.Out = w.Out, w.In
		count, plane := ir.Shape(w.Out).Numel(), ir.Shape(w.In).Numel()
		for i, at := range in[1].I {
			if at >= 0 {
				out.F[i/count*plane+int(at)] += in[0].F[i]
			}
		}
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		// One addition for each window that covers an element, of at most all.
		size, n := kit.Magnitudes(c), float64(c.In[0].Len())
		return func(i int) float64 { return c.Unit * n * size[i] }
	},
	Sample: func(s ir.Sampler) []any {
		shape, w := sampleWindows(s)
		elements := w.All()
		windows := slices.Concat(shape[:len(shape)-len(w.In)], w.Out)
		w.Out = w.In
		g := s.Tensor(windows)
		index := s.Choose(windows, func(i int) []int { return append(elements[i%len(elements)], -1) })
		return append([]any{g, index}, windowArguments(w)...)
	},
})
