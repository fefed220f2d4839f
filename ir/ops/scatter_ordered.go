package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// ScatterOrdered is the op scatter_ordered, which all ops are made of that write at an
// index. Specs can't call it.
//
// With the order of the indices, the elements that meet are found without a search, and
// can be joined by one thread for each place, in the order of index: so every run gives
// the same bits, in any number of threads. An order depends on the index alone: graphs
// that use one index often, or a constant one, sort it once.
var ScatterOrdered = ir.Register(&ir.Op{
	Name: "scatter_ordered",
	Doc: `x joined with the elements of src at an index along a dim.

index and order broadcast to src, but along dim they are as long. order lists the positions
along dim so that equal indices are neighbours, in their order. reduce says how elements
that meet are joined: sum, prod, mean, amax, amin, or last, which keeps the last of them.
Without include_self those of x where something is written don't take part. An index
out of range writes nothing.`,
	Params: []ir.Param{
		kit.Tensor("x", "the tensor to write to"),
		kit.Integer("dim", "the dim that is indexed"),
		kit.Index("index", "i32 or i64"),
		kit.Tensor("order", "i32: the positions of the indices, sorted by them"),
		kit.Tensor("src", "the values to write"),
		{Name: "reduce", Kind: ir.KString, Enum: []string{"sum", "prod", "mean", "amax", "amin", "last"}, Doc: "how elements are joined"},
		{Name: "include_self", Kind: ir.KBool, Default: true, Optional: true, Doc: "whether x takes part where something is written"},
	},
	Indices: writtenAt,
	Class:   ir.Other,
	Infer:   inferScatterOrdered,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, src := scatteringOf(n).gradients(b, n, g)
		return []*ir.Node{x, nil, nil, src}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return scattered(in[0], in[1], in[3], n.Int("dim"), n.Str("reduce"), n.Bool("include_self"))
	},
	Slack: func(c ir.Computed) ir.Slack { return slackOfScattering(c, c.Node.Str("reduce"), c.In[3].Len()) },
	Sample: func(s ir.Sampler) []any {
		shape, dim, written, from := kit.SampleIndexed(s)
		part := append(ir.Shape{}, from...)
		for d := range part {
			if d != dim && s.Int(0, 3) == 0 {
				part[d] = 1
			}
		}
		x := s.Tensor(shape)
		index, order := s.Ordered(shape[dim], part, dim)
		return []any{x, written, index, order, s.Tensor(from), sampleReduce(s, from[dim]), s.Int(0, 1) == 1}
	},
})

// sampleReduce draws how elements are joined. A product of many numbers leaves the range
// of floats on the way, depending on the order.
func sampleReduce(s ir.Sampler, count int) string {
	all := []string{"sum", "mean", "amax", "amin", "last", "prod"}
	if count > 40 {
		all = all[:5]
	}
	return all[s.Int(0, len(all)-1)]
}

// writtenAt describes the indices of ops that write at them.
var writtenAt = &ir.Indices{Param: "index", Called: "indices", Writes: true,
	Size: func(n *ir.Node) int { return n.Inputs[0].Type.Shape[n.Int("dim")] }}

func inferScatterOrdered(n *ir.Node) (ir.Type, error) {
	if err := refuseAddends(n, 3, "src"); err != nil {
		return ir.Type{}, err
	}
	if err := kit.RefuseIndexDType(n, 1); err != nil {
		return ir.Type{}, err
	}
	x, index, order, src := n.Inputs[0].Type, n.Inputs[1].Type, n.Inputs[2].Type, n.Inputs[3].Type
	dim, err := kit.NormDim(n, x.Shape)
	if err != nil {
		return ir.Type{}, err
	}
	if order.DType != ir.I32 {
		return ir.Type{}, ir.Argf("order", "order must be i32; %s", kit.Named(n, 2))
	}
	fits := len(src.Shape) == len(x.Shape) && len(index.Shape) == len(x.Shape) && len(order.Shape) == len(x.Shape)
	for d := 0; fits && d < len(x.Shape); d++ {
		k := src.Shape[d]
		if d == dim {
			fits = index.Shape[d] == k && order.Shape[d] == k
			continue
		}
		fits = k <= x.Shape[d] && (index.Shape[d] == k || index.Shape[d] == 1) && (order.Shape[d] == k || order.Shape[d] == 1)
	}
	if !fits {
		return ir.Type{}, ir.Argf("src", "%s, %s, %s and %s don't fit together along dim %d",
			kit.Named(n, 0), kit.Named(n, 1), kit.Named(n, 2), kit.Named(n, 3), dim)
	}
	return x, nil
}

// refuseAddends checks the dtypes of x and of operand i, which is written to it.
func refuseAddends(n *ir.Node, i int, param string) error {
	if err := kit.RefuseNonNumber(n, 0); err != nil {
		return err
	}
	return refuseOther(n, i, param)
}

// refuseOther checks that operand i has x's dtype.
func refuseOther(n *ir.Node, i int, param string) error {
	if n.Inputs[0].Type.DType != n.Inputs[i].Type.DType {
		return kit.RefuseDType(param, "cast one of them", "x and %s must have the same dtype; %s, %s", param, kit.Named(n, 0), kit.Named(n, i))
	}
	return nil
}

// scattered is the value of every op that writes at an index: one element after the
// other, in the order of index. index broadcasts to src.
func scattered(x, index, src *ir.Array, dim int, reduce string, includeSelf bool) *ir.Array {
	full := kit.Pick(ir.Type{DType: index.Type.DType, Shape: src.Type.Shape}, index,
		kit.BroadcastOffsets(index.Type.Shape, src.Type.Shape))
	out := kit.Pick(x.Type, x, kit.Offsets(x.Type.Shape, x.Type.Shape.Strides(), 0))
	count := make([]int, out.Len())
	for i, at := range kit.Indexed(x.Type.Shape, dim, full) {
		if at < 0 {
			continue
		}
		count[at]++
		if reduce == "last" || count[at] == 1 && !includeSelf {
			kit.Copy(out, at, src, i)
		} else if out.F != nil {
			out.F[at] = joined(reduce, out.F[at], src.F[i])
		} else {
			out.I[at] = kit.Wrap(x.Type.DType, joined(reduce, out.I[at], src.I[i]))
		}
	}
	for i, k := range count {
		if reduce != "mean" || k == 0 {
			continue
		}
		if includeSelf {
			k++
		}
		if out.F != nil {
			out.F[i] /= float64(k)
		} else {
			out.I[i] = floorDivideInts(out.I[i], int64(k))
		}
	}
	return out
}

func joined[T int64 | float64](reduce string, a, b T) T {
	switch reduce {
	case "prod":
		return a * b
	case "amax":
		return max(a, b)
	case "amin":
		return min(a, b)
	}
	return a + b
}

// slackOfScattering is one operation in f32 for each element that meets there: all of
// them at worst. Of a sum each is of at most the sum's magnitude; a product's errors are
// relative, and a mean is divided once.
func slackOfScattering(c ir.Computed, reduce string, count int) ir.Slack {
	n := float64(count)
	switch reduce {
	case "sum", "mean":
		size := kit.Magnitudes(c)
		return func(i int) float64 { return c.Unit * (n + 3) * size[i] }
	case "prod":
		return kit.Relative(c, c.Unit*n)
	}
	return kit.Constant(0)
}
