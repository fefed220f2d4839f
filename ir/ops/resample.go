package ops

import (
	"maps"
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Resample is the op resample, which averages over windows and interpolates, one dim at a
// time. Specs can't call it.
//
// All that decides which elements meet is integer arithmetic, so every device agrees on it.
var Resample = ir.Register(&ir.Op{
	Name: "resample",
	Doc: `x with another size along dim, each element of it a weighted sum of some of x's.

With reach 0, element o is the mean of x's elements from ⌊(o·step + from) / over⌋ up to
⌊(o·step + to) / over⌋: of those that exist, or that lie at most edge beyond either end,
or as if there were divisor of them. With reach 1 it is x at (o·step + from) / over,
interpolated linearly, and with reach 2 by Keys' cubic with a = -0.75; beyond its ends, x
goes on as its last element. With a reach and a to above 0 it is the sum of all elements
less than reach·to / over away, weighted by that line or cubic, with a = -0.5, made to / over
times as wide. Transposed is the transpose of that matrix.`,
	Params: []ir.Param{
		kit.ParamX,
		kit.Integer("dim", "the dim to resample"),
		kit.Integer("reach", "0 for windows, 1 for lines, 2 for cubics"),
		kit.Integer("out_size", "its size in the result"),
		kit.Integer("step", "the distance between positions, times over"),
		kit.Integer("from", "the first position, times over"),
		kit.Integer("to", "where the first window ends, or how wide one unit of the curves is, times over"),
		kit.Integer("over", "what positions are divided by"),
		kit.IntegerOr("edge", 0, "how far from x elements count"),
		kit.IntegerOr("divisor", 0, "how many elements a window counts as; 0 for as many as it has"),
		kit.Flag("transposed", "whether to compute the transpose, the gradient"),
	},
	Class: ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		if !x.DType.IsFloat() {
			return x, ir.Argf("x", "resample requires floats; %s", kit.Named(n, 0))
		}
		dim, err := kit.NormDim(n, x.Shape)
		if err != nil {
			return x, err
		}
		shape := slices.Clone(x.Shape)
		shape[dim] = n.Int("out_size")
		r := resamplingOf(n)
		if r.reach < 0 || r.reach > 2 || r.over < 1 || r.step < 0 || r.edge < 0 || r.divisor < 0 || r.reach == 0 && r.to < r.from || r.reach > 0 && r.to < 0 {
			return x, ir.Argf("reach", "resample can't be %v", n.Attrs)
		}
		return ir.Type{DType: x.DType, Shape: shape}, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{resamplingOf(n).apply(b, g, n.Int("dim"), !n.Bool("transposed"))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return resamplingOf(n).reference(n.Type, in[0], n.Int("dim"), n.Bool("transposed"))
	},
	Slack: func(c ir.Computed) ir.Slack {
		r := resamplingOf(c.Node)
		unit, terms := kit.U64, float64(c.In[0].Len())
		if c.FromSource {
			unit = c.Unit
		}
		// Each term may be off by its weight, which a cubic has to a few units of 1, its
		// product or quotient, and an addition for each of them.
		x := absolute(c.In[0])
		size := r.weighted(c.Node.Type, x, c.Node.Int("dim"), c.Node.Bool("transposed"), func(w float64) float64 {
			if r.reach == 0 {
				return math.Abs(w)
			}
			return math.Abs(w) + 1
		})
		return func(i int) float64 { return unit * (terms + 16) * size.F[i] }
	},
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dim, written := s.Dim(shape)
		shape = s.Long(shape, dim)
		shape[dim] = max(1, shape[dim])
		r := resampling{in: shape[dim], out: s.Int(1, 9), reach: s.Int(0, 2), over: s.Int(1, 7)}
		switch {
		case r.reach > 0:
			r.step, r.from = s.Int(0, 20), s.Int(-9, 9)
			if s.Int(0, 1) == 0 {
				r.to = max(r.step, r.over)
			}
		case s.Int(0, 1) == 0: // shares
			r.step, r.to, r.over = r.in, r.in+r.out-1, r.out
		default:
			r.step, r.from, r.over = s.Int(1, 4), -s.Int(0, 2), 1
			r.to = r.from + s.Int(1, 4)
			r.out = max(1, (r.in-r.to)/r.step+1)
			r.edge, r.divisor = s.Int(0, 1)*-r.from, s.Int(0, 1)*s.Int(1, 5)
		}
		transposed := s.Int(0, 1) == 1
		size := r.out
		if transposed {
			size, shape[dim] = r.in, r.out
		}
		return []any{s.Rows(shape), written, r.reach, size, r.step, r.from, r.to, r.over, r.edge, r.divisor, transposed}
	},
})

// resampling is how resample makes `out` elements of `in`.
type resampling struct {
	in, out              int
	reach                int
	step, from, to, over int
	edge, divisor        int
	normal               bool // whether the weights of each element are to sum to 1
}

// resamplingOf gives a node's resampling.
func resamplingOf(n *ir.Node) resampling {
	r := resampling{in: n.Inputs[0].Type.Shape[n.Int("dim")], out: n.Int("out_size"), reach: n.Int("reach"),
		step: n.Int("step"), from: n.Int("from"), to: n.Int("to"), over: n.Int("over"), edge: n.Int("edge"), divisor: n.Int("divisor")}
	if n.Bool("transposed") {
		r.in, r.out = r.out, r.in
	}
	return r
}

// apply resamples x along a dim; x itself if that changes nothing.
func (r resampling) apply(b *ir.Builder, x *ir.Node, dim int, transposed bool) *ir.Node {
	switch {
	case r.in == r.out && r.divisor <= 1 && r.step == r.over && r.from == 0 && (r.reach > 0 || r.to == r.over):
		return x
	case r.isMean() && transposed:
		shape := slices.Clone(x.Type.Shape)
		shape[dim] = r.in
		return b.BroadcastTo(b.Div(x, float64(r.in)), shape)
	case r.isMean():
		return averageNodes(b, x, []int{dim}, true)
	}
	size := r.out
	if transposed {
		size = r.in
	}
	return b.Op("resample", x, dim, r.reach, size, r.step, r.from, r.to, r.over, r.edge, r.divisor, transposed)
}

// isMean reports whether the only element is the mean of all.
func (r resampling) isMean() bool {
	return r.out == 1 && r.reach == 0 && r.from == 0 && floorDiv(r.to, r.over) >= r.in && r.edge == 0 && r.divisor == 0
}

// resampled applies one resampling to each of x's last dims, transposed in reverse order.
// The values between are in f32 at least.
func resampled(b *ir.Builder, x *ir.Node, dims []resampling, transposed bool) *ir.Node {
	lead, y := len(x.Type.Shape)-len(dims), b.Wide(x)
	for i := range dims {
		if transposed {
			i = len(dims) - 1 - i
		}
		r := dims[i]
		if r.normal && !transposed {
			y = b.Div(r.apply(b, y, lead+i, false), r.totals(b, y, lead+i))
		} else if r.normal {
			y = r.apply(b, b.Div(y, r.totals(b, y, lead+i)), lead+i, true)
		} else {
			y = r.apply(b, y, lead+i, transposed)
		}
	}
	return b.Cast(y, x.Type.DType)
}

// totals are the sums of the weights of each element along a dim, for values like x.
func (r resampling) totals(b *ir.Builder, x *ir.Node, dim int) *ir.Node {
	shape := slices.Repeat(ir.Shape{1}, len(x.Type.Shape))
	shape[dim] = r.in
	ones := b.Fill(ir.Type{DType: x.Type.DType, Shape: shape}, 1.0)
	return r.apply(b, ones, dim, false)
}

// resamplingOp adds what an op has that resamples each of x's last dims.
func resamplingOp(op *ir.Op, dims func(n *ir.Node) []resampling) *ir.Op {
	op.Class = ir.Other
	op.Grad = func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{resampled(b, g, dims(n), true)}
	}
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node { return resampled(b, n.Inputs[0], dims(n), false) }
	return op
}

// row calls f with each element of x that element o has a part of, and its weight.
func (r resampling) row(o int, f func(i int, weight float64)) {
	at := o*r.step + r.from
	low := floorDiv(at, r.over)
	if r.reach == 0 {
		high := floorDiv(o*r.step+r.to, r.over)
		count := min(high, r.in+r.edge) - max(low, -r.edge)
		if r.divisor > 0 {
			count = r.divisor
		}
		for i := max(low, 0); i < min(high, r.in); i++ {
			f(i, 1/float64(count))
		}
		return
	}
	if r.to > 0 {
		far, total := r.reach*r.to, 1.0
		weight := func(i int) float64 { return weightAt(math.Abs(float64(at-i*r.over))/float64(r.to), r.reach, -0.5) }
		first, end := max(floorDiv(at-far, r.over)+1, 0), min(-floorDiv(-at-far, r.over), r.in)
		if r.normal {
			total = 0
			for i := first; i < end; i++ {
				total += weight(i)
			}
		}
		for i := first; i < end; i++ {
			f(i, weight(i)/total)
		}
		return
	}
	weights := map[int]float64{} // of elements that stand for several beyond the ends
	for tap := low - r.reach + 1; tap <= low+r.reach; tap++ {
		away := math.Abs(float64(at-tap*r.over)) / float64(r.over)
		weights[min(max(tap, 0), r.in-1)] += weightAt(away, r.reach, -0.75)
	}
	for _, i := range slices.Sorted(maps.Keys(weights)) {
		f(i, weights[i])
	}
}

// weightAt is the weight of an element at a distance from the position: of lines, or of
// cubics (Keys, "Cubic convolution interpolation for digital image processing", 1981).
func weightAt(away float64, reach int, a float64) float64 {
	switch {
	case reach == 1:
		return 1 - away
	case away <= 1:
		return ((a+2)*away-(a+3))*away*away + 1
	}
	return ((a*away-5*a)*away+8*a)*away - 4*a
}

func (r resampling) reference(t ir.Type, x *ir.Array, dim int, transposed bool) *ir.Array {
	return r.weighted(t, x, dim, transposed, func(w float64) float64 { return w })
}

// weighted is the resampled x with other weights. What has no weight has no part, even if
// it is infinite.
func (r resampling) weighted(t ir.Type, x *ir.Array, dim int, transposed bool, other func(float64) float64) *ir.Array {
	out := ir.NewArray(t)
	from, fromSize := kit.Rows(x.Type.Shape, []int{dim})
	to, toSize := kit.Rows(t.Shape, []int{dim})
	for o := range r.out {
		r.row(o, func(i int, weight float64) {
			if weight == 0 {
				return
			}
			source, target := i, o
			if transposed {
				source, target = o, i
			}
			for row := 0; row*toSize < len(to); row++ {
				out.F[to[row*toSize+target]] += other(weight) * x.F[from[row*fromSize+source]]
			}
		})
	}
	return out
}

func floorDiv(a, b int) int { return int(floorDivideInts(int64(a), int64(b))) }

func absolute(x *ir.Array) *ir.Array {
	out := ir.NewArray(x.Type)
	for i, v := range x.F {
		out.F[i] = math.Abs(v)
	}
	return out
}
