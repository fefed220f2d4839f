package ops

import (
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Roll = ir.Register(&ir.Op{
	Name:   "roll",
	Family: ir.Shapes,
	Doc: `x with its elements moved along some dims, those that leave at an end coming in at the other.

Without dims, x is rolled as if it were flat. A negative shift moves elements to the
front.`,
	Example: `
x: i32[4] = [1, 2, 3, 4]
roll(x, 1): i32[4] = [4, 1, 2, 3]`,
	Params: []ir.Param{
		kit.ParamX,
		{Name: "shifts", Kind: ir.KDims, Doc: "how far elements move; one int, or one for each of dims"},
		{Name: "dims", Kind: ir.KDims, Optional: true, Doc: "the dims to move along; as if x were flat by default"},
	},
	Class: ir.Move,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		shifts, dims := slices.Clone(n.Ints("shifts")), slices.Clone(n.Ints("dims"))
		for i, d := range dims {
			at, err := x.Shape.Dim(d)
			if err != nil {
				return x, ir.Argf("dims", "%s", err)
			}
			dims[i] = at
		}
		if dims != nil {
			n.SetAttr("dims", dims)
		}
		if len(shifts) != max(1, len(dims)) || dims != nil && len(dims) == 0 {
			return x, kit.Refuse("shifts", "", "roll takes a shift for each of dims; there are %s and %s", diag.Count(len(shifts), "shift"), diag.Count(len(dims), "dim"))
		}
		for i := range shifts {
			size := x.Shape.Numel()
			if dims != nil {
				size = x.Shape[dims[i]]
			}
			size = max(size, 1)
			shifts[i] = (shifts[i]%size + size) % size
		}
		n.SetAttr("shifts", shifts)
		return x, nil
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		back := slices.Clone(n.Ints("shifts"))
		for i := range back {
			back[i] = -back[i]
		}
		return []*ir.Node{b.Op("roll", g, back, dimsOrNil(n))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		shape, dims := n.Type.Shape, n.Ints("dims")
		if dims == nil {
			shape, dims = ir.Shape{shape.Numel()}, []int{0}
		}
		out, strides := ir.NewArray(n.Type), shape.Strides()
		for i := range in[0].Len() {
			to := i
			for k, d := range dims {
				at := to / strides[d] % shape[d]
				to += ((at+n.Ints("shifts")[k])%shape[d] - at) * strides[d]
			}
			kit.Copy(out, to, in[0], i)
		}
		return out
	},
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x, dims := n.Inputs[0], n.Ints("dims")
		if dims == nil {
			x, dims = b.Reshape(x, ir.Shape{x.Type.Shape.Numel()}), []int{0}
		}
		for i, d := range dims {
			if shift, size := n.Ints("shifts")[i], x.Type.Shape[d]; shift > 0 {
				x = b.Op("concat", []any{slice(b, x, d, size-shift, size), slice(b, x, d, 0, size-shift)}, d)
			}
		}
		return b.Reshape(x, n.Type.Shape)
	},
	Sample: func(s ir.Sampler) []any {
		if s.Int(0, 2) == 0 {
			return []any{s.Tensor(s.Shape(0)), s.Int(-9, 9)}
		}
		shape := s.Shape(1)
		dims := s.Dims(shape, 1)
		shifts := make([]int, len(dims))
		for i := range shifts {
			shifts[i] = s.Int(-9, 9)
		}
		return []any{s.Tensor(shape), shifts, dims}
	},
})

// dimsOrNil is the argument dims as a call gives it.
func dimsOrNil(n *ir.Node) any {
	if dims := n.Ints("dims"); dims != nil {
		return dims
	}
	return nil
}
