package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// adaptivePooling sets what pooling to a given size has, of means or of maxima.
func adaptivePooling(rank int, op *ir.Op) *ir.Op {
	op.Family, op.Class = ir.Convolution, ir.Other
	op.Params = kit.ParamsPool(rank)[:1:1]
	op.Params = append(op.Params, ir.Param{Name: "output_size", Kind: ir.KDims, Keeps: true, Doc: "the size of the result along these dims; one int for all, or one for each; nil in a list is x's size"})
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		in, err := kit.Images(n, rank)
		if err != nil {
			return x, err
		}
		if err := keepSizes(n, in); err != nil {
			return x, err
		}
		out, err := kit.PerDim(n, "output_size", rank, 1)
		if err != nil {
			return x, err
		}
		for d := range in {
			if ir.MulSize(in[d], out[d]) > math.MaxInt32 {
				return x, kit.RefuseItem("output_size", d, "", "pooling %d elements to %d is more than can be counted; the limit of their product is %d",
					in[d], out[d], math.MaxInt32)
			}
		}
		return ir.Type{DType: x.DType, Shape: slices.Concat(x.Shape[:len(x.Shape)-rank], out)}, nil
	}
	op.Sample = func(s ir.Sampler) []any {
		shape, _ := kit.SamplePool(s, rank, 1)
		size := make([]int, rank)
		for d := range size {
			size[d] = s.Int(1, 4)
		}
		return []any{s.Rows(shape), size}
	}
	return op
}

// keepSizes replaces nil in output_size by the input's size.
func keepSizes(n *ir.Node, in []int) error {
	sizes := slices.Clone(n.Ints("output_size"))
	if !slices.Contains(sizes, ir.Kept) {
		return nil
	}
	if len(sizes) == 1 {
		sizes = slices.Repeat(sizes, len(in))
	}
	if len(sizes) != len(in) {
		return kit.Refuse("output_size", "", "output_size must be one int, or a list of %s; it has %d elements", diag.Count(len(in), "int"), len(sizes))
	}
	for d, size := range sizes {
		if size == ir.Kept {
			sizes[d] = in[d]
		}
	}
	n.SetAttr("output_size", sizes)
	return nil
}

// shares are the windows of adaptive pooling.
func shares(n *ir.Node) kit.Windows {
	out := n.Ints("output_size")
	ones := slices.Repeat([]int{1}, len(out))
	x := n.Inputs[0].Type.Shape
	return kit.Windows{In: x[len(x)-len(out):], Out: out, Kernel: ones, Stride: ones, Padding: make([]int, len(out)), Dilation: ones, Adaptive: true}
}

func adaptiveMax(rank int, op *ir.Op) *ir.Op {
	op = adaptivePooling(rank, op)
	infer := op.Infer
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseNonNumber(n, 0); err != nil {
			return ir.Type{}, err
		}
		return infer(n)
	}
	return maxWindows(op, shares)
}

func adaptiveAverage(rank int, op *ir.Op) *ir.Op {
	op = adaptivePooling(rank, op)
	infer := op.Infer
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		if x := n.Inputs[0].Type; !x.DType.IsFloat() {
			return x, kit.Refuse("x", `cast it first: cast(x, "f32")`, "%s requires floats; %s", n.Op.Name, kit.Named(n, 0))
		}
		return infer(n)
	}
	op.Reference = func(n *ir.Node, in []*ir.Array) *ir.Array {
		w := shares(n)
		windows := w.All()
		return meansOf(n.Type, in[0], w, func(o int) float64 { return float64(len(windows[o])) })
	}
	return resamplingOp(op, func(n *ir.Node) []resampling {
		w := shares(n)
		dims := make([]resampling, len(w.In))
		for d := range dims {
			dims[d] = share(w.In[d], w.Out[d])
		}
		return dims
	})
}

// share shares `in` elements out to `out` windows.
func share(in, out int) resampling {
	return resampling{in: in, out: out, step: in, to: in + out - 1, over: out}
}
