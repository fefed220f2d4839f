package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// ScatterOthers is the op scatter_others, which the gradient of a product that is
// scattered is made of. Specs can't call it.
var ScatterOthers = ir.Register(&ir.Op{
	Name: "scatter_others",
	Doc: `For each element of src the product of all others that have its index along a dim.

index and order are as in scatter_ordered. Where an index isn't from 0 to size - 1 it is 0.`,
	Params: []ir.Param{
		kit.Tensor("src", "the factors"),
		kit.Integer("dim", "the dim that is indexed"),
		kit.Index("index", "i32 or i64"),
		kit.Tensor("order", "i32: the positions of the indices, sorted by them"),
		kit.Integer("size", "how many places there are"),
	},
	Indices: &ir.Indices{Param: "index", Called: "indices", Writes: true, Size: func(n *ir.Node) int { return n.Int("size") }},
	Class:   ir.Other,
	Compute: ir.ComputeWide,
	Infer: func(n *ir.Node) (ir.Type, error) {
		src := n.Inputs[0].Type
		if !src.DType.IsFloat() {
			return src, kit.RefuseDType("src", "", "scatter_others requires floats; %s", kit.Named(n, 0))
		}
		_, err := kit.NormDim(n, src.Shape)
		return src, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{sortedOf(b, n).gradOthers(b, n.Inputs[0], g), nil, nil}
	},
	Decompose: scatterOthersByDivision,
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		src, places := in[0], ir.Shape(nil)
		places = append(places, src.Type.Shape...)
		places[n.Int("dim")] = n.Int("size")
		index := kit.Pick(ir.Type{DType: in[1].Type.DType, Shape: src.Type.Shape}, in[1], kit.BroadcastOffsets(in[1].Type.Shape, src.Type.Shape))
		at := kit.Indexed(places, n.Int("dim"), index)
		out := ir.NewArray(n.Type)
		for i, place := range at {
			if place < 0 {
				continue
			}
			out.F[i] = 1
			for j, other := range at {
				if j != i && other == place {
					out.F[i] *= src.F[j]
				}
			}
		}
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		return kit.Relative(c, c.Unit*float64(c.In[0].Type.Shape[c.Node.Int("dim")]+2))
	},
	Sample: func(s ir.Sampler) []any {
		shape, dim, written, from := kit.SampleIndexed(s)
		part := append(ir.Shape{}, from...)
		for d := range part {
			if d != dim && s.Int(0, 3) == 0 {
				part[d] = 1
			}
		}
		index, order := s.Ordered(shape[dim], part, dim)
		return []any{s.Between(-2, 2, from), written, index, order, shape[dim]}
	},
})

// scatterOthersByDivision is quick, as othersByDivision is, and for the same reason not
// what its slope is taken of.
func scatterOthersByDivision(b *ir.Builder, n *ir.Node) *ir.Node {
	src := b.Wide(n.Inputs[0])
	places := append(ir.Shape{}, src.Type.Shape...)
	places[n.Int("dim")] = n.Int("size")
	t := ir.Type{DType: src.Type.DType, Shape: places}
	s := scattering{x: b.Fill(t, 0), index: n.Inputs[1], order: n.Inputs[2], src: src, dim: n.Int("dim")}
	zero := b.Eq(src, 0.0)
	nonzero := b.Where(zero, 1.0, src)
	isZero := b.Cast(zero, t.DType)
	product := s.at(b, s.put(b, b.Fill(t, 1), nonzero, "prod"))
	alone := b.Eq(s.at(b, s.put(b, b.Fill(t, 0), isZero, "sum")), isZero)
	return b.Cast(b.Where(alone, b.Div(product, nonzero), 0.0), n.Type.DType)
}

// runs are elements of src brought into the order of their indices along a dim, in which
// those that meet are neighbours.
type runs struct {
	dim           int
	index         *ir.Node // sorted
	order, places *ir.Node // where an element comes from, and where it goes
	inRange       *ir.Node // of each element, as src lies
}

func sortedOf(b *ir.Builder, n *ir.Node) runs {
	shape, dim := n.Type.Shape, n.Int("dim")
	index, order := b.BroadcastTo(n.Inputs[1], shape), b.BroadcastTo(n.Inputs[2], shape)
	return runs{dim, b.Op("gather", index, dim, order), order, b.Op("argsort", order, dim), inRange(b, index, n.Int("size"))}
}

// gradOthers is the gradient of the products of others from that of each, g. It is that of
// prod's rows (see there): products and sums alone, and so right at zeros.
func (r runs) gradOthers(b *ir.Builder, src, g *ir.Node) *ir.Node {
	x := b.Op("gather", src, r.dim, r.order)
	g = b.Op("gather", b.Where(r.inRange, g, 0.0), r.dim, r.order)
	before, back := r.prefixProduct(b, x, 1)
	behind, forth := r.prefixProduct(b, x, -1)
	slope := b.Add(back(b.Mul(g, behind)), forth(b.Mul(g, before)))
	return b.Op("gather", slope, r.dim, r.places)
}

// prefixProduct gives each element the product of those before it in its run (direction
// 1) or after it (-1), and a function that propagates a gradient of that to x.
func (r runs) prefixProduct(b *ir.Builder, x *ir.Node, direction int) (product *ir.Node, back func(g *ir.Node) *ir.Node) {
	length := x.Type.Shape[r.dim]
	product = r.shift(b, x, direction, 1.0)
	var products []*ir.Node // the products of 1, 2, 4, … neighbours
	for width := 1; width < length; width *= 2 {
		products = append(products, product)
		product = b.Mul(product, r.shift(b, product, direction*width, 1.0))
	}
	return product, func(g *ir.Node) *ir.Node {
		for i := len(products) - 1; i >= 0; i-- {
			by := direction << i
			g = b.Add(b.Mul(g, r.shift(b, products[i], by, 1.0)), r.shift(b, b.Mul(g, products[i]), -by, 0.0))
		}
		return r.shift(b, g, -direction, 0.0)
	}
}

// shift moves elements within their runs, and puts a value where none of the run comes.
// The ends of src are ends of runs, too.
func (r runs) shift(b *ir.Builder, x *ir.Node, by int, value float64) *ir.Node {
	same := b.Eq(r.index, shiftAlong(b, r.index, r.dim, by, 0))
	inside := shiftAlong(b, b.Fill(ir.Type{DType: ir.Bool, Shape: x.Type.Shape}, 1), r.dim, by, 0)
	return b.Where(b.And(same, inside), shiftAlong(b, x, r.dim, by, value), value)
}
