package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Pad = ir.Register(&ir.Op{
	Name:   "pad",
	Family: ir.Shapes,
	Doc: `x with a border, or without some of its elements where the padding is negative.

padding is PyTorch's flat list, [before, after] of the last dim, then of the one before
it, and so on; or a list of pairs [before, after], one for each dim, the first dim first.
The border is a value, x mirrored at its first and last elements (reflect), these
repeated (replicate), or what is left of x begun again (circular). A number for mode is
the value.`,
	Example: `
x: i32[1, 3] = [[1, 2, 3]]
pad(x, [1, 2], "reflect"): i32[1, 6] = [[2, 1, 2, 3, 2, 1]]`,
	Torch: "torch.nn.functional.pad",
	Params: []ir.Param{
		kit.ParamX,
		{Name: "padding", Kind: ir.KPairs, Doc: "[before, after] for each dim from the last one on, in one list; or a pair for each dim"},
		{Name: "mode", Kind: ir.KWord, Default: "constant", Optional: true, Enum: paddingModes, Doc: "what the border is made of"},
		{Name: "value", Kind: ir.KNumber, Default: 0, Optional: true, Doc: "the value of a constant border"},
	},
	Class:     ir.Move,
	Infer:     inferPad,
	Grad:      func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{unpad(b, n, g)} },
	Reference: referencePad,
	Sample: func(s ir.Sampler) []any {
		shape, mode := s.Shape(0), paddingModes[s.Int(0, 3)]
		padding := make([][2]int, len(shape))
		for i, size := range shape {
			if s.Int(0, 1) == 0 {
				cut := min(1, size/2)
				most := min(2, reachOfPadding(mode, size, size-cut))
				padding[i] = [2]int{s.Int(-cut, most), s.Int(-cut, most)}
			}
		}
		if mode == "constant" {
			return []any{s.Tensor(shape), padding, s.Int(0, 1)}
		}
		return []any{s.Tensor(shape), padding, mode}
	},
})

var paddingModes = []string{"constant", "reflect", "replicate", "circular"}

// reachOfPadding is how far a dim of a size can be padded, of which some elements are kept.
func reachOfPadding(mode string, size, kept int) int {
	switch {
	case mode == "reflect":
		return max(size-1, 0)
	case mode == "circular":
		return kept
	case mode == "replicate" && size == 0:
		return 0
	}
	return math.MaxInt
}

func inferPad(n *ir.Node) (ir.Type, error) {
	x := n.Inputs[0].Type
	mode, ok := n.Attr("mode").(string)
	if !ok {
		n.SetAttr("value", n.Attr("mode"))
		n.SetAttr("mode", "constant")
		mode = "constant"
	}
	if v := n.Attr("value"); mode != "constant" && v != 0 && v != 0.0 && v != false {
		return x, kit.Refuse("value", `omit it, or use the mode "constant"`, "value is %v, but the border that %s makes has no value of its own", v, mode)
	}
	padding, err := paddingPairs(n)
	if err != nil {
		return x, err
	}
	shape := slices.Clone(x.Shape)
	for i, p := range padding {
		size, dim := x.Shape[i], len(shape)-i
		if min(p[0], p[1]) < -size || min(p[0], 0)+min(p[1], 0) < -size {
			return x, kit.RefuseItem("padding", i, "", "padding cuts more off dim -%d than there is: it is %v; %s", dim, ir.Shape(p[:]), kit.Named(n, 0))
		}
		if most := reachOfPadding(mode, size, keptOf(size, p)); max(p[0], p[1]) > most {
			return x, kit.RefuseItem("padding", i, "", "%s can pad dim -%d by at most %d; padding is %v there; %s", mode, dim, most, ir.Shape(p[:]), kit.Named(n, 0))
		}
		shape[i] = ir.AddSize(keptOf(size, p), max(p[0], 0), max(p[1], 0))
	}
	if err := kit.NormNumber(n, "value", x.DType); err != nil {
		return x, err
	}
	return ir.Type{DType: x.DType, Shape: shape}, nil
}

// keptOf is how many elements of a dim negative padding leaves.
func keptOf(size int, p [2]int) int { return size + min(p[0], 0) + min(p[1], 0) }

// paddingPairs brings padding into the form of a pair for each dim, the first dim first.
func paddingPairs(n *ir.Node) ([][2]int, error) {
	rank := len(n.Inputs[0].Type.Shape)
	pairs, ok := n.Attr("padding").([][2]int)
	if ok {
		if len(pairs) != rank {
			return nil, kit.Refuse("padding", "use [0, 0] for dims without padding",
				"padding has %d pairs, but one per dim is required; %s", len(pairs), kit.Named(n, 0))
		}
		return pairs, nil
	}
	flat := n.Ints("padding")
	if len(flat)%2 != 0 || len(flat) > 2*rank {
		return nil, kit.Refuse("padding", "write [before, after] of the last dim, then of the one before it: [left, right, top, bottom]",
			"padding is %v, which isn't two numbers for each of up to %s; %s", ir.Shape(flat), diag.Count(rank, "dim"), kit.Named(n, 0))
	}
	pairs = make([][2]int, rank)
	for i := 0; i < len(flat); i += 2 {
		pairs[rank-1-i/2] = [2]int{flat[i], flat[i+1]}
	}
	n.SetAttr("padding", pairs)
	return pairs, nil
}

// paddedFrom is which element of a dim of a size is at place i, counted from the first;
// ok is false if none is. Only circular takes elements of those that are kept.
func paddedFrom(mode string, i, size, kept int) (at int, ok bool) {
	switch {
	case i >= 0 && i < size:
		return i, true
	case mode == "reflect" && i < 0:
		return -i, true
	case mode == "reflect":
		return 2*(size-1) - i, true
	case mode == "replicate":
		return min(max(i, 0), size-1), true
	case mode == "circular" && i < 0:
		return i + kept, true
	case mode == "circular":
		return i - kept, true
	}
	return 0, false
}

func referencePad(n *ir.Node, in []*ir.Array) *ir.Array {
	out, mode := kit.Filled(n.Type, n.Attr("value")), n.Str("mode")
	from, to := []int{0}, []int{0} // the elements that have a place, and their places
	x, y := in[0].Type.Shape, n.Type.Shape
	for d, p := range n.Attr("padding").([][2]int) {
		var nextFrom, nextTo []int
		for k := range from {
			for i := range y[d] {
				if at, ok := paddedFrom(mode, i-p[0], x[d], keptOf(x[d], p)); ok {
					nextFrom, nextTo = append(nextFrom, from[k]*x[d]+at), append(nextTo, to[k]*y[d]+i)
				}
			}
		}
		from, to = nextFrom, nextTo
	}
	for k, at := range to {
		kit.Copy(out, at, in[0], from[k])
	}
	return out
}

// unpad is the gradient of pad: what is left of the middle, and the border added to where
// it was taken from, along one dim after the other.
func unpad(b *ir.Builder, n, g *ir.Node) *ir.Node {
	x, mode := n.Inputs[0].Type.Shape, n.Str("mode")
	for d, p := range n.Attr("padding").([][2]int) {
		before, after, size := max(p[0], 0), max(p[1], 0), x[d]
		end := g.Type.Shape[d] - after
		all := pad(b, slice(b, g, d, before, end), d, max(-p[0], 0), max(-p[1], 0))
		add := func(from, to, at int) { // border elements, in the order of x, to those from at on
			if from == to || mode == "constant" {
				return
			}
			part := slice(b, g, d, from, to)
			switch mode {
			case "reflect":
				part = flip(b, part, d)
			case "replicate":
				part = b.Sum(part, []int{d})
			}
			all = b.Add(all, pad(b, part, d, at, size-at-part.Type.Shape[d]))
		}
		switch mode {
		case "reflect":
			add(0, before, 1)
			add(end, end+after, size-1-after)
		case "replicate":
			add(0, before, 0)
			add(end, end+after, size-1)
		case "circular":
			add(0, before, keptOf(size, p)-before)
			add(end, end+after, max(-p[0], 0))
		}
		g = all
	}
	return g
}
