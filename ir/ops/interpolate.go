package ops

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Interpolate = ir.Register(resamplingOp(&ir.Op{
	Name:   "interpolate",
	Family: ir.Convolution,
	Doc: `x in another size along the dims behind batch and channels.

nearest takes the element at or before the position, nearest-exact the nearest one;
linear, bilinear and trilinear interpolate between neighbours along one, two and three
dims, bicubic by cubics over four; area is adaptive_avg_pool. With align_corners the first
and the last elements stay where they are; without, elements are areas, and the whole
stays as large. With antialias, which bilinear and bicubic have, a smaller result averages
over all elements that its own cover, as Pillow does. Give size or scale_factor; with
recompute_scale_factor the ratio is that of the sizes, which are rounded down. Positions are
computed exactly, PyTorch's nearest in f32.`,
	Example: `
x: f32[1, 1, 2] = [[[1, 3]]]
interpolate(x, 4, mode="linear"): f32[1, 1, 4] = [[[1, 1.5, 2.5, 3]]]`,
	Torch:   "torch.nn.functional.interpolate",
	Aliases: "upsample resize_bilinear resize_nearest_neighbor",
	Params: []ir.Param{
		kit.Tensor("x", "[batch, channels, …], with one to three dims to resize"),
		{Name: "size", Kind: ir.KDims, Optional: true, Doc: "the size of these dims; one int for all, or one for each"},
		{Name: "scale_factor", Kind: ir.KFloats, Optional: true, Doc: "what the sizes are multiplied by; one number for all, or one for each"},
		{Name: "mode", Kind: ir.KString, Default: "nearest", Optional: true, Enum: interpolations, Doc: "how values between elements are found"},
		{Name: "align_corners", Kind: ir.KBool, Optional: true, Doc: "whether corners stay in place, for linear and cubic modes; by default false"},
		{Name: "recompute_scale_factor", Kind: ir.KBool, Optional: true, Doc: "whether scale_factor only says the size; by default false"},
		kit.Flag("antialias", "whether a smaller result is smoothed, for bilinear and bicubic"),
	},
	Infer: inferInterpolate,
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		x, lead := in[0], len(n.Type.Shape)-len(interpolation(n))
		for d, r := range interpolation(n) {
			shape := slices.Clone(x.Type.Shape)
			shape[lead+d] = r.out
			x = r.reference(ir.Type{DType: x.Type.DType, Shape: shape}, x, lead+d, false)
		}
		return x
	},
	Sample: func(s ir.Sampler) []any {
		rank := s.Int(1, 3)
		shape := s.OfRank(2 + rank)
		for d := range rank {
			shape[2+d] = max(1, shape[2+d])
		}
		mode := []string{"nearest", "nearest-exact", "area", [...]string{"linear", "bilinear", "trilinear"}[rank-1]}[s.Int(0, 3)]
		if rank == 2 && s.Int(0, 2) == 0 {
			mode = "bicubic"
		}
		var align any
		if strings.HasSuffix(mode, "linear") || mode == "bicubic" {
			align = s.Int(0, 1) == 1
		}
		smooth := rank == 2 && (mode == "bilinear" || mode == "bicubic") && s.Int(0, 1) == 0
		if s.Int(0, 1) == 0 {
			factors := make([]float64, s.Int(0, 1)*(rank-1)+1)
			for d := range factors {
				factors[d] = []float64{1, 2, 1.5, 2.7, 3, 1.25}[s.Int(0, 5)]
			}
			return []any{s.Tensor(shape), nil, factors, mode, align, s.Int(0, 1) == 0, smooth}
		}
		size := make([]int, rank)
		for d := range size {
			size[d] = s.Int(1, 4)
		}
		return []any{s.Tensor(shape), size, nil, mode, align, nil, smooth}
	},
}, interpolation))

var interpolations = []string{"nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"}

// resizedDims are how many dims the modes that say so resize.
var resizedDims = map[string]int{"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}

func inferInterpolate(n *ir.Node) (ir.Type, error) {
	x := n.Inputs[0].Type
	rank, mode := len(x.Shape)-2, n.Str("mode")
	if !x.DType.IsFloat() {
		return x, kit.Refuse("x", `cast it first: cast(x, "f32")`, "interpolate requires floats; %s", kit.Named(n, 0))
	}
	if rank < 1 || rank > 3 {
		return x, kit.Refuse("x", "", "interpolate requires [batch, channels, …] with one to three more dims; %s", kit.Named(n, 0))
	}
	if want, ok := resizedDims[mode]; ok && want != rank {
		return x, kit.Refuse("mode", "for these dims it is "+[...]string{"linear", "bilinear or bicubic", "trilinear"}[rank-1],
			"%s resizes %s behind batch and channels; %s", mode, diag.Count(want, "dim"), kit.Named(n, 0))
	} else if n.Attr("align_corners") != nil && !ok {
		return x, kit.Refuse("align_corners", "leave it out", "%s has no align_corners; the linear modes and bicubic have", mode)
	}
	if again := n.Attr("recompute_scale_factor") == true; again && n.Floats("scale_factor") == nil {
		return x, kit.Refuse("recompute_scale_factor", "leave it out", "recompute_scale_factor goes with scale_factor, not with size")
	}
	if n.Bool("antialias") && mode != "bilinear" && mode != "bicubic" {
		return x, kit.Refuse("antialias", "leave it out, or use bilinear or bicubic, for two dims", "%s has no antialias; bilinear and bicubic have", mode)
	}
	if slices.Contains(x.Shape[2:], 0) {
		return x, ir.Argf("x", "interpolate requires at least one element along each dim that it resizes; %s", kit.Named(n, 0))
	}
	size, err := interpolatedSize(n, rank)
	if err == nil && max(slices.Max(x.Shape[2:]), slices.Max(size)) > math.MaxInt32 {
		err = ir.Argf("x", "interpolate resizes dims of at most %d, and to at most that; %s, to %v", math.MaxInt32, kit.Named(n, 0), ir.Shape(size))
	}
	return ir.Type{DType: x.DType, Shape: slices.Concat(x.Shape[:2], size)}, err
}

// interpolatedSize is the size that is asked for, or follows from scale_factor.
func interpolatedSize(n *ir.Node, rank int) ([]int, error) {
	factors := n.Floats("scale_factor")
	scaled := factors != nil
	switch {
	case scaled && n.Ints("size") != nil, !scaled && n.Ints("size") == nil:
		return nil, ir.Argf("size", "interpolate takes either size or scale_factor")
	case !scaled:
		return kit.PerDim(n, "size", rank, 1)
	case len(factors) == 1:
		factors = slices.Repeat(factors, rank)
		n.SetAttr("scale_factor", factors)
	case len(factors) != rank:
		return nil, ir.Argf("scale_factor", "scale_factor must be one number, or a list of %s; it is %v; %s", diag.Count(rank, "number"), factors, kit.Named(n, 0))
	}
	size := make([]int, rank)
	for d := range size {
		in, factor := n.Inputs[0].Type.Shape[2+d], factors[d]
		if !(factor >= 1.0/largestRatio && factor <= largestRatio) {
			return nil, kit.RefuseItem("scale_factor", d, "", "scale_factor must be from 1/%d to %[1]d, not %v", largestRatio, factor)
		}
		if size[d] = int(min(math.Floor(float64(in)*factor), 1<<62)); size[d] < 1 {
			return nil, kit.RefuseItem("scale_factor", d, "", "scale_factor %v leaves nothing of dim -%d; %s", factor, rank-d, kit.Named(n, 0))
		}
	}
	return size, nil
}

// interpolation gives the resampling of each dim that is resized.
func interpolation(n *ir.Node) []resampling {
	align, _ := n.Attr("align_corners").(bool)
	dims := make([]resampling, len(n.Type.Shape)-2)
	for d := range dims {
		in, out := n.Inputs[0].Type.Shape[2+d], n.Type.Shape[2+d]
		// An element of the result is from/to of one of x.
		from, to := in, out
		if factors := n.Floats("scale_factor"); factors != nil && float64(in)*factors[d] != float64(out) && n.Attr("recompute_scale_factor") != true {
			to, from = ratioOf(factors[d])
		}
		r := resampling{in: in, out: out}
		switch mode := n.Str("mode"); {
		case mode == "area":
			r = share(in, out)
		case mode == "nearest":
			r.step, r.to, r.over = from, to, to
		case mode == "nearest-exact": // at the middle of each element
			r.step, r.from, r.to, r.over = 2*from, from, from+2*to, 2*to
		case align && out > 1:
			r.step, r.over = in-1, out-1
		case align:
			r.over = 1
		default:
			r.step, r.from, r.over = 2*from, from-to, 2*to
		}
		if n.Str("mode") == "bicubic" {
			r.reach = 2
		} else if resizedDims[n.Str("mode")] > 0 {
			r.reach = 1
		}
		if n.Bool("antialias") {
			r = smoothed(r, align)
		}
		dims[d] = r
	}
	return dims
}

// smoothed has the curves cover what an element of the result does, where that is more than
// one of x. PyTorch's positions with align_corners are those of areas here too.
func smoothed(r resampling, align bool) resampling {
	switch {
	case align && r.out > 1:
		r.step, r.from, r.over = 2*r.step, r.step-r.over, 2*r.over
	case align:
		r.from, r.over = -1, 2
	}
	r.to, r.normal = max(r.step, r.over), true
	return r
}

// largestRatio limits the two numbers of a ratio, so that positions fit in 64 bits.
const largestRatio = 1 << 24

// ratioOf gives the ratio that a number was written as, or the nearest to it with two
// numbers that aren't too large, by its continued fraction.
func ratioOf(v float64) (above, below int) {
	rest, _ := new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, 64))
	above, below = 1, 0
	for before, beneath := 0, 1; ; {
		whole := new(big.Int).Div(rest.Num(), rest.Denom())
		part := int(whole.Int64())
		nextAbove, nextBelow := ir.AddSize(ir.MulSize(part, above), before), ir.AddSize(ir.MulSize(part, below), beneath)
		if below > 0 && max(nextAbove, nextBelow) > largestRatio {
			return max(above, 1), below
		}
		before, beneath, above, below = above, below, nextAbove, nextBelow
		rest.Sub(rest, new(big.Rat).SetInt(whole))
		if rest.Sign() == 0 {
			return above, below
		}
		rest.Inv(rest)
	}
}
