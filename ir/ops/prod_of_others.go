package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// ProdOfOthers is the op prod_of_others, the slope of prod. Specs can't call it.
var ProdOfOthers = ir.Register(&ir.Op{
	Name:   "prod_of_others",
	Doc:    "For each element the product of all others, along some dims or of all: the gradient of prod.",
	Params: kit.ParamsReduce[:2],
	Class:  ir.Other,
	Infer: func(n *ir.Node) (ir.Type, error) {
		x := n.Inputs[0].Type
		if !x.DType.IsFloat() {
			return x, kit.Refuse("x", "", "prod_of_others requires floats; %s", kit.Named(n, 0))
		}
		_, err := kit.NormDims(n, "dim", x.Shape)
		return x, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, dims := n.Inputs[0], n.Ints("dim")
		slope := gradOthers(b, linesLast(b, x, dims), linesLast(b, g, dims))
		return []*ir.Node{linesBack(b, slope, x.Type.Shape, dims)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		offs, length := kit.Rows(n.Type.Shape, n.Ints("dim"))
		for start := 0; start < len(offs); start += length {
			row := offs[start : start+length]
			for i, at := range row {
				out.F[at] = 1
				for j, other := range row {
					if j != i {
						out.F[at] *= in[0].F[other]
					}
				}
			}
		}
		return out
	},
	Decompose: othersByDivision,
	Sample: func(s ir.Sampler) []any {
		shape := s.Shape(1)
		return []any{s.Between(-3, 3, shape), s.Dims(shape, 1)}
	},
})

// othersByDivision is quick. With no zero in the row, an element gets the
// product over itself; with one, only the zero gets something; with two, nothing
// does. So zeros are counted, and left out of the product: an element then gets
// the product over itself (a zero counting as 1) if there is no zero but itself.
// Its own slope at zeros would be wrong, since it counts them.
func othersByDivision(b *ir.Builder, n *ir.Node) *ir.Node {
	x, dims := b.Wide(n.Inputs[0]), n.Ints("dim")
	zero := b.Eq(x, 0.0)
	nonzero := b.Where(zero, 1.0, x)
	others := b.Div(b.Op("prod", nonzero, dims, true), nonzero)
	alone := b.Eq(b.Sum(zero, dims), zero)
	return b.Cast(b.Where(alone, others, 0.0), n.Type.DType)
}

// gradOthers is the gradient of the product of others in rows along the last
// dim. It has multiplications and additions alone, and so is right at zeros, as
// are the gradients of it: the others are those before an element times those
// after it, and each product is computed by doubling.
func gradOthers(b *ir.Builder, x, g *ir.Node) *ir.Node {
	before, back := prefixProduct(b, x, 1)
	behind, forth := prefixProduct(b, x, -1)
	return b.Add(back(b.Mul(g, behind)), forth(b.Mul(g, before)))
}

// prefixProduct gives each element the product of those before it in its row
// (direction 1) or after it (-1), and a function that propagates a gradient of
// that to x.
func prefixProduct(b *ir.Builder, x *ir.Node, direction int) (product *ir.Node, back func(g *ir.Node) *ir.Node) {
	length := x.Type.Shape[len(x.Type.Shape)-1]
	product = shiftRow(b, x, direction, 1.0)
	var products []*ir.Node // the products of 1, 2, 4, … neighbours
	for width := 1; width < length; width *= 2 {
		products = append(products, product)
		product = b.Mul(product, shiftRow(b, product, direction*width, 1.0))
	}
	return product, func(g *ir.Node) *ir.Node {
		for i, product := range slices.Backward(products) {
			by := direction << i
			g = b.Add(b.Mul(g, shiftRow(b, product, by, 1.0)), shiftRow(b, b.Mul(g, product), -by, 0.0))
		}
		return shiftRow(b, g, -direction, 0.0)
	}
}

// shiftRow moves the elements along the last dim, as shiftAlong does.
func shiftRow(b *ir.Builder, x *ir.Node, by int, value float64) *ir.Node {
	return shiftAlong(b, x, len(x.Type.Shape)-1, by, value)
}

// shiftAlong moves the elements along a dim by a number of positions, backwards if that
// is negative, and puts a value into those that become free.
func shiftAlong(b *ir.Builder, x *ir.Node, dim, by int, value float64) *ir.Node {
	length := x.Type.Shape[dim]
	pairs := make([][2]int, len(x.Type.Shape))
	if by >= 0 {
		by = min(by, length)
		pairs[dim][0] = by
		return b.Op("pad", b.Op("slice", x, dim, 0, length-by), pairs, value)
	}
	by = min(-by, length)
	pairs[dim][1] = by
	return b.Op("pad", b.Op("slice", x, dim, by, length), pairs, value)
}

// linesLast brings some dims together as the last one.
func linesLast(b *ir.Builder, x *ir.Node, dims []int) *ir.Node {
	order := append(complement(len(x.Type.Shape), dims), dims...)
	length := 1
	for _, d := range dims {
		length = ir.MulSize(length, x.Type.Shape[d])
	}
	x = permute(b, x, order)
	return b.Reshape(x, append(slices.Clone(x.Type.Shape[:len(order)-len(dims)]), length))
}

// linesBack undoes linesLast for a value that had the given shape.
func linesBack(b *ir.Builder, x *ir.Node, shape ir.Shape, dims []int) *ir.Node {
	order := append(complement(len(shape), dims), dims...)
	return permute(b, b.Reshape(x, permuted(shape, order)), inverse(order))
}

// complement lists the dims of a rank that aren't among some.
func complement(rank int, dims []int) []int {
	var rest []int
	for d := range rank {
		if !slices.Contains(dims, d) {
			rest = append(rest, d)
		}
	}
	return rest
}

// permute reorders dims; x itself if they are in order.
func permute(b *ir.Builder, x *ir.Node, order []int) *ir.Node {
	if slices.IsSorted(order) {
		return x
	}
	return b.Op("permute", x, order)
}
