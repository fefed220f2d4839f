package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Patches and Unpatch are the ops that unfold and fold are made of. Specs can't call them.
var (
	Patches = ir.Register(&ir.Op{
		Name: "patches",
		Doc: `The windows over the planes of x, [planes, height, width], taken apart.

The result is [planes, kernel height, kernel width, windows down, windows across]. What
lies outside of x is 0, or false.`,
		Params: append([]ir.Param{kit.ParamX}, paramsPatches...),
		Class:  ir.Move,
		Infer: func(n *ir.Node) (ir.Type, error) {
			x := n.Inputs[0].Type
			if len(x.Shape) != 3 {
				return x, ir.Argf("x", "patches requires [planes, height, width]; %s", kit.Named(n, 0))
			}
			p, err := patchesOf(n, x.Shape[1:])
			return ir.Type{DType: x.DType, Shape: slices.Concat(x.Shape[:1], p.kernel, p.count)}, err
		},
		Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
			return []*ir.Node{b.Op("unpatch", append([]any{g, []int(n.Inputs[0].Type.Shape[1:])}, patchArguments(n)...)...)}
		},
		Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
			out := kit.Filled(n.Type, kit.NumberOf(n.Type.DType, 0))
			p, _ := patchesOf(n, in[0].Type.Shape[1:])
			p.each(n.Type.Shape[0], func(patch, x int) { kit.Copy(out, patch, in[0], x) })
			return out
		},
		Sample: func(s ir.Sampler) []any {
			p := samplePatches(s)
			return []any{s.Tensor(slices.Concat(ir.Shape{s.Int(0, 3)}, p.size)), p.kernel, p.step, p.before, p.apart}
		},
	})

	Unpatch = ir.Register(&ir.Op{
		Name:   "unpatch",
		Doc:    "The transpose of patches: elements of windows, added up at where they were in a plane of out_sizes.",
		Params: append([]ir.Param{kit.ParamX, {Name: "out_sizes", Kind: ir.KInts, Doc: "height and width of the planes"}}, paramsPatches...),
		Class:  ir.Other,
		Infer: func(n *ir.Node) (ir.Type, error) {
			x, size := n.Inputs[0].Type, n.Ints("out_sizes")
			if err := kit.RefuseNonNumber(n, 0); err != nil {
				return x, err
			}
			if len(size) != 2 || min(size[0], size[1]) < 0 {
				return x, ir.Argf("out_sizes", "out_sizes must be height and width, not %v", ir.Shape(size))
			}
			p, err := patchesOf(n, size)
			if err == nil && (len(x.Shape) != 5 || !x.Shape[1:].Equal(slices.Concat(p.kernel, p.count))) {
				err = ir.Argf("x", "unpatch of windows %v and %v doesn't fit; %s", ir.Shape(p.kernel), ir.Shape(p.count), kit.Named(n, 0))
			}
			if err != nil {
				return x, err
			}
			return ir.Type{DType: x.DType, Shape: slices.Concat(x.Shape[:1], size)}, nil
		},
		Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
			return []*ir.Node{b.Op("patches", append([]any{g}, patchArguments(n)...)...)}
		},
		Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
			out := ir.NewArray(n.Type)
			p, _ := patchesOf(n, n.Ints("out_sizes"))
			p.each(n.Type.Shape[0], func(patch, x int) {
				if out.F != nil {
					out.F[x] += in[0].F[patch]
				} else {
					out.I[x] = kit.Wrap(n.Type.DType, out.I[x]+in[0].I[patch])
				}
			})
			return out
		},
		Slack: func(c ir.Computed) ir.Slack {
			// An addition for each element of the window, at most.
			size, terms := kit.Magnitudes(c), float64(ir.Shape(c.Node.Ints("kernel_size")).Numel())
			return func(i int) float64 { return c.Unit * terms * size[i] }
		},
		Sample: func(s ir.Sampler) []any {
			p := samplePatches(s)
			return []any{s.Tensor(slices.Concat(ir.Shape{s.Int(0, 3)}, p.kernel, p.count)), p.size, p.kernel, p.step, p.before, p.apart}
		},
	})
)

var paramsPatches = []ir.Param{
	{Name: "kernel_size", Kind: ir.KInts, Doc: "height and width of the windows"},
	{Name: "steps", Kind: ir.KInts, Doc: "the distance between windows"},
	{Name: "padding", Kind: ir.KInts, Doc: "how far windows reach beyond either end"},
	{Name: "dilation", Kind: ir.KInts, Doc: "the distance between a window's elements"},
}

func patchArguments(n *ir.Node) []any {
	return []any{n.Ints("kernel_size"), n.Ints("steps"), n.Ints("padding"), n.Ints("dilation")}
}

// patches are windows over a plane of a size, count of them.
type patches struct{ size, kernel, step, before, apart, count []int }

// patchesOf gives a node's windows.
func patchesOf(n *ir.Node, size []int) (p patches, err error) {
	p = patches{size: size, kernel: n.Ints("kernel_size"), step: n.Ints("steps"), before: n.Ints("padding"), apart: n.Ints("dilation")}
	for _, list := range [][]int{p.kernel, p.step, p.before, p.apart} {
		if len(list) != 2 {
			return p, ir.Argf("kernel_size", "%s requires two numbers for each of its arguments, not %v", n.Op.Name, ir.Shape(list))
		}
	}
	return p, p.fit(n)
}

// largestPatch is the limit of what windows reach over: the source languages count in
// 32 bits.
const largestPatch = 1 << 28

// fit counts the windows.
func (p *patches) fit(n *ir.Node) error {
	p.count = nil
	for d, size := range p.size {
		if max(p.kernel[d], p.step[d], p.before[d], p.apart[d], size) > largestPatch || min(p.kernel[d], p.step[d], p.apart[d]) < 1 || p.before[d] < 0 {
			return ir.Argf("kernel_size", "kernel_size, dilation and stride must be from 1, and padding and sizes from 0, to %d; they are %v, %v, %v, %v and %v",
				largestPatch, ir.Shape(p.kernel), ir.Shape(p.apart), ir.Shape(p.step), ir.Shape(p.before), ir.Shape(p.size))
		}
		reach := ir.AddSize(ir.MulSize(p.apart[d], p.kernel[d]-1), 1)
		padded := size + 2*p.before[d]
		if reach > padded {
			return kit.RefuseItem("kernel_size", d, "", "the window reaches over %d elements in dim -%d, where there are %d with the padding; %s",
				reach, 2-d, padded, kit.Named(n, 0))
		}
		p.count = append(p.count, (padded-reach)/p.step[d]+1)
	}
	return nil
}

// each calls f with the places of each element of a window that exists, in the windows
// taken apart and in x.
func (p *patches) each(planes int, f func(patch, x int)) {
	patch := 0
	for plane := range planes {
		for ky := range p.kernel[0] {
			for kx := range p.kernel[1] {
				for oy := range p.count[0] {
					for ox := range p.count[1] {
						y, x := oy*p.step[0]-p.before[0]+ky*p.apart[0], ox*p.step[1]-p.before[1]+kx*p.apart[1]
						if y >= 0 && y < p.size[0] && x >= 0 && x < p.size[1] {
							f(patch, (plane*p.size[0]+y)*p.size[1]+x)
						}
						patch++
					}
				}
			}
		}
	}
}

func samplePatches(s ir.Sampler) (p patches) {
	for range 2 {
		kernel, apart, before := s.Int(1, 3), s.Int(1, 2), s.Int(0, 2)
		least := apart*(kernel-1) + 1 - 2*before
		p.size = append(p.size, s.Int(max(0, least), max(0, least)+3))
		p.kernel, p.step = append(p.kernel, kernel), append(p.step, s.Int(1, 3))
		p.before, p.apart = append(p.before, before), append(p.apart, apart)
		p.count = append(p.count, (p.size[len(p.size)-1]-least)/p.step[len(p.step)-1]+1)
	}
	return p
}
