package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// averagePooling is the mean over windows along the last one to three dims, with PyTorch's
// arguments. The mean over a window is that of its rows' means, so it is computed along
// one dim after the other.
func averagePooling(rank int, op *ir.Op) *ir.Op {
	op.Family = ir.Convolution
	op.Params = kit.ParamsPool(rank, kit.ParamCeilMode,
		ir.Param{Name: "count_include_pad", Kind: ir.KBool, Default: true, Optional: true, Doc: "whether padding counts, as zeros"},
		ir.Param{Name: "divisor_override", Kind: ir.KInt, Optional: true, Doc: "divides sums, instead of the number of elements"})
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		if !x.DType.IsFloat() {
			return x, kit.Refuse("x", `cast it first: cast(x, "f32")`, "%s requires floats; %s", n.Op.Name, kit.Named(n, 0))
		}
		w, err := kit.InferWindows(n, rank)
		if err != nil {
			return x, err
		}
		if d, ok := n.Attr("divisor_override").(int); ok && (d < 1 || d > math.MaxInt32) {
			return x, kit.Refuse("divisor_override", "", "divisor_override must be from 1 to %d, not %d", math.MaxInt32, d)
		}
		return ir.Type{DType: x.DType, Shape: slices.Concat(x.Shape[:len(x.Shape)-rank], w.Out)}, nil
	}
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		w := pooledWindows(n, rank)
		return meansOf(n.Type, in[0], w, func(o int) float64 { return divisorOf(n, w, o) })
	}
	op.Sample = func(s ir.Sampler) []any {
		shape, args := kit.SamplePool(s, rank, 1)
		args = append(append([]any{s.Tensor(shape)}, args...), s.Int(0, 1) == 1, s.Int(0, 1) == 1)
		if s.Int(0, 2) == 0 {
			args = append(args, s.Int(1, 5))
		}
		return args
	}
	return resamplingOp(op, func(n *ir.Node) []resampling { return averages(n, rank) })
}

// pooledWindows are the windows of a pooling op with PyTorch's arguments.
func pooledWindows(n *ir.Node, rank int) kit.Windows {
	x, lead := n.Inputs[0].Type.Shape, len(n.Type.Shape)-rank
	w := kit.Windows{In: x[lead:], Out: n.Type.Shape[lead:], Kernel: n.Ints("kernel_size"), Stride: n.Ints("stride"),
		Padding: n.Ints("padding"), Dilation: slices.Repeat([]int{1}, rank)}
	if n.Op.Param("dilation") >= 0 {
		w.Dilation = n.Ints("dilation")
	}
	return w
}

// averages gives the resampling of each dim.
func averages(n *ir.Node, rank int) []resampling {
	w := pooledWindows(n, rank)
	dims := make([]resampling, rank)
	for d := range dims {
		dims[d] = resampling{in: w.In[d], out: w.Out[d], step: w.Stride[d], from: -w.Padding[d], to: w.Kernel[d] - w.Padding[d], over: 1}
		if n.Bool("count_include_pad") {
			dims[d].edge = w.Padding[d]
		}
		if divisor, ok := n.Attr("divisor_override").(int); ok {
			dims[d].divisor = 1
			dims[0].divisor = divisor
		}
	}
	return dims
}

// meansOf is the sum of each window's elements over its divisor.
func meansOf(t ir.Type, x *ir.Array, w kit.Windows, divisor func(o int) float64) *ir.Array {
	out, windows, plane := ir.NewArray(t), w.All(), ir.Shape(w.In).Numel()
	for i := range out.F {
		o := i % len(windows)
		for _, at := range windows[o] {
			out.F[i] += x.F[i/len(windows)*plane+at]
		}
		out.F[i] /= divisor(o)
	}
	return out
}

// divisorOf is what the sum of window o, in row-major order, is divided by.
func divisorOf(n *ir.Node, w kit.Windows, o int) float64 {
	if d, ok := n.Attr("divisor_override").(int); ok {
		return float64(d)
	}
	count := 1
	for d, strides := 0, ir.Shape(w.Out).Strides(); d < len(strides); d++ {
		start := o/strides[d]%w.Out[d]*w.Stride[d] - w.Padding[d]
		if n.Bool("count_include_pad") {
			count *= min(start+w.Kernel[d], w.In[d]+w.Padding[d]) - start
		} else {
			count *= min(start+w.Kernel[d], w.In[d]) - max(start, 0)
		}
	}
	return float64(count)
}
