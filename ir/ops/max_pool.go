package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// MaxPool is the op max_pool, which the max_pool of one to three dims and the adaptive
// ones are made of. Specs can't call it.
var MaxPool = ir.Register(&ir.Op{
	Name:   "max_pool",
	Doc:    "The largest element of each window over the last dims of x.",
	Params: append([]ir.Param{kit.ParamX}, paramsWindows...),
	Class:  ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseNonNumber(n, 0); err != nil {
			return ir.Type{}, err
		}
		return inferWindowed(n, n.Inputs[0].Type)
	},
	Grad:      gradMaxPool,
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array { return largest(windowsOf(n), n.Type, in[0]) },
	Sample: func(s ir.Sampler) []any {
		shape, w := sampleWindows(s)
		return append([]any{s.Rows(shape)}, windowArguments(w)...)
	},
})

// paramsWindows are the parameters of kit.Windows.
var paramsWindows = []ir.Param{
	{Name: "out_sizes", Kind: ir.KInts, Doc: "the sizes of the result along these dims"},
	{Name: "kernel_size", Kind: ir.KInts, Doc: "the size of the windows"},
	{Name: "steps", Kind: ir.KInts, Doc: "the distance between windows"},
	{Name: "padding", Kind: ir.KInts, Doc: "how far windows reach beyond either end"},
	{Name: "dilation", Kind: ir.KInts, Doc: "the distance between a window's elements"},
	kit.Flag("adaptive", "whether windows share the elements out evenly"),
}

// windowsOf gives the windows of a node with paramsWindows.
func windowsOf(n *ir.Node) kit.Windows {
	x, size := n.Inputs[0].Type.Shape, n.Ints("out_sizes")
	return kit.Windows{In: x[len(x)-len(size):], Out: size, Kernel: n.Ints("kernel_size"), Stride: n.Ints("steps"),
		Padding: n.Ints("padding"), Dilation: n.Ints("dilation"), Adaptive: n.Bool("adaptive")}
}

// windowArguments are the arguments of paramsWindows.
func windowArguments(w kit.Windows) []any {
	return []any{w.Out, w.Kernel, w.Stride, w.Padding, w.Dilation, w.Adaptive}
}

// inferWindowed is the type rule of what has a value for each window.
func inferWindowed(n *ir.Node, t ir.Type) (ir.Type, error) {
	size := n.Ints("out_sizes")
	lead := len(n.Inputs[0].Type.Shape) - len(size)
	if len(size) < 1 || len(size) > 3 || lead < 0 {
		return t, ir.Argf("out_sizes", "%s works along one to three of x's dims, not %d; %s", n.Op.Name, len(size), kit.Named(n, 0))
	}
	for _, param := range []string{"kernel_size", "steps", "padding", "dilation"} {
		least := 1
		if param == "padding" {
			least = 0
		}
		if _, err := kit.PerDim(n, param, len(size), least); err != nil {
			return t, err
		}
	}
	if n.Bool("adaptive") {
		n.SetAttr("dilation", slices.Repeat([]int{1}, len(size)))
	}
	return ir.Type{DType: t.DType, Shape: slices.Concat(t.Shape[:lead], size)}, nil
}

// largest is the first largest element of each window, or the first NaN; the least value
// of the dtype where a window has no element.
func largest(w kit.Windows, t ir.Type, x *ir.Array) *ir.Array {
	out := kit.Filled(t, kit.Lowest(t.DType))
	plane, count := ir.Shape(w.In).Numel(), ir.Shape(w.Out).Numel()
	for i, at := range indexOfLargest(w, t.Shape.Numel(), x) {
		if at >= 0 {
			kit.Copy(out, i, x, i/count*plane+int(at))
		}
	}
	return out
}

// indexOfLargest finds that element for each of some windows, as its offset in the plane;
// -1 where there is none.
func indexOfLargest(w kit.Windows, count int, x *ir.Array) []int64 {
	windows, plane := w.All(), ir.Shape(w.In).Numel()
	index := make([]int64, count)
	for i := range index {
		from, best := i/len(windows)*plane, -1
		for _, at := range windows[i%len(windows)] {
			if best < 0 || exceeds(x, from+at, from+best) {
				best = at
			}
		}
		index[i] = int64(best)
	}
	return index
}

// exceeds reports whether element i is larger than element j, as NaN is than numbers.
func exceeds(x *ir.Array, i, j int) bool {
	if x.F == nil {
		return x.I[i] > x.I[j]
	}
	return x.F[i] > x.F[j] || x.F[i] != x.F[i] && x.F[j] == x.F[j]
}

// gradMaxPool gives each window's gradient to the element that was taken.
func gradMaxPool(b *ir.Builder, n, g *ir.Node) []*ir.Node {
	return []*ir.Node{maxPoolBack(b, n.Inputs[0], g, windowsOf(n))}
}

func maxPoolBack(b *ir.Builder, x, g *ir.Node, w kit.Windows) *ir.Node {
	args := windowArguments(w)
	index := b.Op("max_pool_index", append([]any{x}, args...)...)
	args[0] = w.In
	return b.Op("max_pool_grad", append([]any{g, index}, args...)...)
}

// sampleWindows draws a shape and windows over its last dims, each with elements.
func sampleWindows(s ir.Sampler) (ir.Shape, kit.Windows) {
	shape := s.Shape(1)
	rank := s.Int(1, min(3, len(shape)))
	w := kit.Windows{In: shape[len(shape)-rank:], Adaptive: s.Int(0, 2) == 0}
	for d := range rank {
		w.In[d] = max(1, w.In[d])
		in, kernel, apart, stride := w.In[d], s.Int(1, 3), s.Int(1, 2), s.Int(1, 4)
		kernel = min(kernel, (in-1)/apart+1)
		reach := (kernel-1)*apart + 1
		padding := s.Int(0, min(reach/2, in-1))
		w.Kernel, w.Stride = append(w.Kernel, kernel), append(w.Stride, stride)
		w.Padding, w.Dilation = append(w.Padding, padding), append(w.Dilation, apart)
		count := s.Int(1, 2*in)
		if !w.Adaptive {
			count = (in+2*padding-reach)/stride + 1
		}
		w.Out = append(w.Out, count)
	}
	return shape, w
}

// maxPooling is the op max_pool of one to three dims with PyTorch's arguments.
func maxPooling(rank int, op *ir.Op) *ir.Op {
	return maxWindows(pooling(rank, op, func(d ir.DType) ir.DType { return d }), func(n *ir.Node) kit.Windows { return pooledWindows(n, rank) })
}

// maxPoolIndices is the op max_pool_index of one to three dims with PyTorch's arguments.
func maxPoolIndices(rank int, op *ir.Op) *ir.Op {
	op = pooling(rank, op, func(ir.DType) ir.DType { return ir.I32 })
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Op("max_pool_index", append([]any{n.Inputs[0]}, windowArguments(pooledWindows(n, rank))...)...)
	}
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		return &ir.Array{Type: n.Type, I: indexOfLargest(pooledWindows(n, rank), n.Type.Shape.Numel(), in[0])}
	}
	return op
}

// pooling gives an op PyTorch's arguments of max_pool, and a result of a dtype.
func pooling(rank int, op *ir.Op, result func(x ir.DType) ir.DType) *ir.Op {
	op.Family, op.Class = ir.Convolution, ir.Other
	op.Params = kit.ParamsPool(rank,
		ir.Param{Name: "dilation", Kind: ir.KDims, Default: 1, Optional: true, Doc: "the distance between a window's elements"}, kit.ParamCeilMode)
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseNonNumber(n, 0); err != nil {
			return ir.Type{}, err
		}
		w, err := kit.InferWindows(n, rank)
		x := n.Inputs[0].Type
		return ir.Type{DType: result(x.DType), Shape: slices.Concat(x.Shape[:max(0, len(x.Shape)-rank)], w.Out)}, err
	}
	op.Sample = func(s ir.Sampler) []any {
		apart := s.Int(1, 2)
		shape, args := kit.SamplePool(s, rank, apart)
		return append(append([]any{s.Rows(shape)}, args...), apart, s.Int(0, 1) == 1)
	}
	return op
}

// maxWindows adds what an op has that is max_pool with windows of its own.
func maxWindows(op *ir.Op, windows func(n *ir.Node) kit.Windows) *ir.Op {
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{maxPoolBack(b, n.Inputs[0], g, windows(n))}
	}
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Op("max_pool", append([]any{n.Inputs[0]}, windowArguments(windows(n))...)...)
	}
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array { return largest(windows(n), n.Type, in[0]) }
	return op
}
