package ops

import (
	"github.com/flowrun/flowrun/ir"
)

// scattering is what an op does that writes at an index, for its gradients and its
// decomposition.
type scattering struct {
	x, index, order, src *ir.Node
	dim                  int
	reduce               string
	includeSelf          bool
}

// scatteringOf reads a scatter_ordered.
func scatteringOf(n *ir.Node) scattering {
	return scattering{n.Inputs[0], n.Inputs[1], n.Inputs[2], n.Inputs[3], n.Int("dim"), n.Str("reduce"), n.Bool("include_self")}
}

// node writes it as a scatter_ordered.
func (s scattering) node(b *ir.Builder) *ir.Node {
	return b.Op("scatter_ordered", s.x, s.dim, s.index, s.order, s.src, s.reduce, s.includeSelf)
}

// put is the same with other values, joined in another way.
func (s scattering) put(b *ir.Builder, x, src *ir.Node, reduce string) *ir.Node {
	return b.Op("scatter_ordered", x, s.dim, s.index, s.order, src, reduce)
}

// like is a value in the shape of an operand.
func like(b *ir.Builder, x *ir.Node, value float64) *ir.Node { return b.Fill(x.Type, value) }

// gradients are those of x and src, from the gradient g of the value.
func (s scattering) gradients(b *ir.Builder, value, g *ir.Node) (x, src *ir.Node) {
	switch s.reduce {
	case "last":
		return s.untouched(b, g), s.ofLast(b, g)
	case "mean":
		counts := b.Op("maximum", s.counts(b), 1.0)
		return s.ofSelf(b, b.Div(g, counts), g), s.at(b, b.Div(g, counts))
	case "prod":
		return s.ofProduct(b, g)
	case "amax", "amin":
		return s.ofExtreme(b, value, g)
	}
	return s.ofSelf(b, g, g), s.at(b, g)
}

// counts is how many elements meet at each place, x's included if it takes part.
func (s scattering) counts(b *ir.Builder) *ir.Node {
	self := 0.0
	if s.includeSelf {
		self = 1
	}
	return s.put(b, like(b, s.x, self), like(b, s.src, 1), "sum")
}

// at reads a value of x's shape at the index; 0 where that is out of range: elements
// that are dropped have no gradient.
func (s scattering) at(b *ir.Builder, v *ir.Node) *ir.Node {
	shape := s.src.Type.Shape
	count := s.index.Type.Shape.Numel()
	if s.dim == 0 && count == shape[0] && shape[1:].Equal(v.Type.Shape[1:]) { // whole slices
		rows := b.Reshape(v, ir.Shape{v.Type.Shape[0], v.Type.Shape[1:].Numel()})
		taken := b.Op("embedding", b.Reshape(s.index, ir.Shape{count}), rows)
		return b.Where(inRange(b, s.index, v.Type.Shape[0]), b.Reshape(taken, shape), 0.0)
	}
	return gatherOrZero(b, v, s.dim, b.BroadcastTo(s.index, shape))
}

// gatherOrZero is gather with 0 for an index out of range.
func gatherOrZero(b *ir.Builder, x *ir.Node, dim int, index *ir.Node) *ir.Node {
	return b.Where(inRange(b, index, x.Type.Shape[dim]), b.Op("gather", x, dim, index), 0.0)
}

func inRange(b *ir.Builder, index *ir.Node, size int) *ir.Node {
	return b.And(b.Ge(index, 0), b.Lt(index, size))
}

// untouched is v where nothing is written, and 0 elsewhere.
func (s scattering) untouched(b *ir.Builder, v *ir.Node) *ir.Node {
	return s.put(b, v, like(b, s.src, 0), "last")
}

// ofSelf is x's gradient: shared where x takes part, and g where nothing is written.
func (s scattering) ofSelf(b *ir.Builder, shared, g *ir.Node) *ir.Node {
	if s.includeSelf {
		return shared
	}
	return s.untouched(b, g)
}

// ofLast is src's gradient where only the last of equal indices has one: the element
// whose position is found at its index.
func (s scattering) ofLast(b *ir.Builder, g *ir.Node) *ir.Node {
	t := ir.Type{DType: ir.I32, Shape: s.src.Type.Shape}
	own := b.BroadcastTo(anyOrder(b, t.Shape, s.dim), t.Shape)
	winners := s.put(b, b.Fill(ir.Type{DType: ir.I32, Shape: s.x.Type.Shape}, -1), own, "last")
	found := b.Op("gather", winners, s.dim, b.BroadcastTo(s.index, t.Shape))
	return b.Where(b.Eq(found, own), s.at(b, g), 0.0)
}

// ofExtreme shares the gradient among equals.
func (s scattering) ofExtreme(b *ir.Builder, value, g *ir.Node) (x, src *ir.Node) {
	d := s.x.Type.DType
	self := like(b, s.x, 0)
	if s.includeSelf {
		self = b.Cast(b.Eq(s.x, value), d)
	}
	taken := b.Cast(b.Eq(s.src, s.at(b, value)), d)
	share := b.Div(g, b.Op("maximum", s.put(b, self, taken, "sum"), 1.0))
	return s.ofSelf(b, b.Mul(self, share), g), b.Mul(taken, s.at(b, share))
}

// ofProduct gives an element the product of the others that meet it.
func (s scattering) ofProduct(b *ir.Builder, g *ir.Node) (x, src *ir.Node) {
	size := s.x.Type.Shape[s.dim]
	ofSrc := b.Mul(s.at(b, g), b.Op("scatter_others", s.src, s.dim, s.index, s.order, size))
	if !s.includeSelf {
		return s.untouched(b, g), ofSrc
	}
	written := s.put(b, like(b, s.x, 1), s.src, "prod")
	return b.Mul(g, written), b.Mul(ofSrc, s.at(b, s.x))
}
