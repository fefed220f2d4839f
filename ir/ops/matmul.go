package ops

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Matmul = ir.Register(&ir.Op{
	Name:   "matmul",
	Family: ir.LinearAlgebra,
	Doc: `The matrix product of a and b.

a is [..., m, k], b is [..., k, n], and the result [..., m, n]; the dims before the
last two are broadcast. A one-dimensional a is a row and a one-dimensional b a
column; the result then lacks that dim. transpose_a and transpose_b, which PyTorch
doesn't have, cost nothing: the factor is read the other way round.`,
	Example: `
a: f32[2, 2] = [[1, 2], [3, 4]]
b: f32[2, 2] = [[5, 6], [7, 8]]
matmul(a, b): f32[2, 2] = [[19, 22], [43, 50]]`,
	Aliases: "dot mm bmm",
	Params: []ir.Param{
		kit.Tensor("a", "the left factor"),
		kit.Tensor("b", "the right factor"),
		kit.Flag("transpose_a", "whether to swap the last two dims of a first"),
		kit.Flag("transpose_b", "whether to swap the last two dims of b first"),
		kit.Wide,
	},
	Class:   ir.Contract,
	Promote: ir.PromoteAll,
	Products: func(n *ir.Node) int {
		p, _ := productOf(n)
		return ir.MulSize(n.Type.Shape.Numel(), p.k)
	},
	Infer: func(n *ir.Node) (ir.Type, error) {
		p, err := productOf(n)
		if err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: kit.WideResult(n), Shape: p.shape(n)}, nil
	},
	Grad:      gradMatmul,
	Reference: referenceMatmul,
	Slack: func(c ir.Computed) ir.Slack {
		// k products and k additions in f32, of magnitudes whose sum is the product of
		// the operands' magnitudes.
		p, _ := productOf(c.Node)
		size := kit.Magnitudes(c)
		return func(i int) float64 { return 2 * c.Unit * float64(p.k) * size[i] }
	},
	Sample: func(s ir.Sampler) []any {
		m, k, n, batch := s.Product()
		a, b := append(s.Part(batch), m, k), append(s.Part(batch), k, n)
		transposed := [2]bool{s.Int(0, 1) == 1, s.Int(0, 1) == 1}
		for i, shape := range []ir.Shape{a, b} {
			if r := len(shape); transposed[i] {
				shape[r-2], shape[r-1] = shape[r-1], shape[r-2]
			}
		}
		switch s.Int(0, 5) { // one of them one-dimensional
		case 0:
			a, transposed[0] = ir.Shape{k}, false
		case 1:
			b, transposed[1] = ir.Shape{k}, false
		}
		return []any{s.Tensor(a), s.Tensor(b), transposed[0], transposed[1]}
	},
})

// product is the sizes of a matrix product.
type product struct {
	m, k, n int
	batch   ir.Shape // the dims before the last two, broadcast
}

// productOf finds the sizes, or says why there is no product.
func productOf(n *ir.Node) (product, error) {
	for i, flag := range []string{"transpose_a", "transpose_b"} {
		x := n.Inputs[i].Type
		if err := kit.RefuseNonNumber(n, i); err != nil {
			return product{}, err
		}
		if len(x.Shape) == 0 {
			return product{}, kit.Refuse(n.OperandName(i), "to multiply by a scalar, use mul",
				"matmul doesn't support scalars: %s", kit.Named(n, i))
		}
		if len(x.Shape) == 1 && n.Bool(flag) {
			return product{}, kit.Refuse(flag, "omit "+flag, "%s requires at least two dims; %s", flag, kit.Named(n, i))
		}
	}
	a, b := matrix(n, 0), matrix(n, 1)
	p := product{m: a[len(a)-2], k: a[len(a)-1], n: b[len(b)-1]}
	if rows := b[len(b)-2]; p.k != rows {
		fits := slices.Clone(b)
		fits[len(b)-2] = p.k
		if transposed(n, 1) {
			fits[len(b)-2], fits[len(b)-1] = fits[len(b)-1], fits[len(b)-2]
		}
		if len(n.Inputs[1].Type.Shape) == 1 {
			fits = ir.Shape{p.k}
		}
		help := fmt.Sprintf("%s of shape %s would fit", kit.OperandName(n, 1), fits)
		if len(n.Inputs[1].Type.Shape) > 1 && p.k == p.n {
			help = "transpose the right factor"
		} else if len(n.Inputs[0].Type.Shape) > 1 && p.m == rows {
			help = "transpose the left factor"
		}
		return p, kit.Refuse("b", help, "inner sizes differ: %s has %d columns, %s has %d rows",
			kit.OperandName(n, 0), p.k, kit.OperandName(n, 1), rows)
	}
	batch, ok := ir.Broadcast(a[:len(a)-2], b[:len(b)-2])
	if !ok {
		return p, kit.Refuse("b", "the dims before the last two are broadcast: equal or 1",
			"batch dims %s and %s don't broadcast; %s, %s", a[:len(a)-2], b[:len(b)-2], kit.Named(n, 0), kit.Named(n, 1))
	}
	p.batch = batch
	return p, nil
}

// matrix is the shape of an operand as the product sees it: not transposed, at
// least two-dimensional.
func matrix(n *ir.Node, i int) ir.Shape {
	s := slices.Clone(n.Inputs[i].Type.Shape)
	r := len(s)
	switch {
	case r == 1 && i == 0:
		return ir.Shape{1, s[0]}
	case r == 1:
		return ir.Shape{s[0], 1}
	case transposed(n, i):
		s[r-2], s[r-1] = s[r-1], s[r-2]
	}
	return s
}

func transposed(n *ir.Node, i int) bool {
	return i == 0 && n.Bool("transpose_a") || i == 1 && n.Bool("transpose_b")
}

// shape is that of the result.
func (p product) shape(n *ir.Node) ir.Shape {
	s := slices.Clone(p.batch)
	if len(n.Inputs[0].Type.Shape) > 1 {
		s = append(s, p.m)
	}
	if len(n.Inputs[1].Type.Shape) > 1 {
		s = append(s, p.n)
	}
	return s
}

// gradMatmul multiplies with the transpose of the other factor, which costs
// nothing: matmul reads its operands either way.
func gradMatmul(bld *ir.Builder, n, g *ir.Node) []*ir.Node {
	p, _ := productOf(n)
	a, b := n.Inputs[0], n.Inputs[1]
	ta, tb := n.Bool("transpose_a"), n.Bool("transpose_b")
	// One-dimensional factors become matrices.
	a2, b2 := a, b
	if len(a.Type.Shape) == 1 {
		a2 = bld.Reshape(a, ir.Shape{1, p.k})
	}
	if len(b.Type.Shape) == 1 {
		b2 = bld.Reshape(b, ir.Shape{p.k, 1})
	}
	g2 := bld.Reshape(g, append(slices.Clone(p.batch), p.m, p.n))

	var da, db *ir.Node
	if ta {
		da = bld.Matmul(b2, g2, tb, true)
	} else {
		da = bld.Matmul(g2, b2, false, !tb)
	}
	ga, gb := a2, g2
	if len(b2.Type.Shape) == 2 && !ta {
		// b was shared by the whole batch: its gradient is one large product,
		// instead of one product per element of the batch and their sum.
		rows := p.batch.Numel() * p.m
		ga = bld.Reshape(bld.BroadcastTo(a2, append(slices.Clone(p.batch), p.m, p.k)), ir.Shape{rows, p.k})
		gb = bld.Reshape(g2, ir.Shape{rows, p.n})
	}
	if tb {
		db = bld.Matmul(gb, ga, true, ta)
	} else {
		db = bld.Matmul(ga, gb, !ta, false)
	}
	da, db = bld.SumTo(da, a2), bld.SumTo(db, b2)
	return []*ir.Node{bld.Reshape(da, a.Type.Shape), bld.Reshape(db, b.Type.Shape)}
}

func referenceMatmul(n *ir.Node, in []*ir.Array) *ir.Array {
	p, _ := productOf(n)
	out := ir.NewArray(n.Type)
	a, b := matrices(n, in, 0, p), matrices(n, in, 1, p)
	for at := range out.Len() {
		row, col := at/max(p.n, 1), at/max(p.m*p.n, 1)*p.n+at%max(p.n, 1)
		sum, isum := 0.0, int64(0)
		for k := range p.k {
			i, j := a[row*p.k+k], b[col*p.k+k]
			if out.F != nil {
				sum += in[0].F[i] * in[1].F[j]
			} else {
				isum += in[0].I[i] * in[1].I[j]
			}
		}
		if out.F != nil {
			out.F[at] = sum
		} else {
			out.I[at] = kit.Wrap(n.Type.DType, isum)
		}
	}
	return out
}

// matrices lists where the elements of a factor lie: row by row for a, column
// by column for b, once for each element of the batch.
func matrices(n *ir.Node, in []*ir.Array, i int, p product) []int {
	s := matrix(n, i)
	r := len(s)
	strides := s.Strides()
	if transposed(n, i) {
		strides = in[i].Type.Shape.Strides()
		strides[r-2], strides[r-1] = strides[r-1], strides[r-2]
	}
	view, viewStrides := slices.Clone(p.batch), make([]int, len(p.batch))
	for d := range s[:r-2] {
		if s[d] != 1 {
			viewStrides[len(p.batch)-(r-2)+d] = strides[d]
		}
	}
	if i == 0 {
		return kit.Offsets(append(view, p.m, p.k), append(viewStrides, strides[r-2], strides[r-1]), 0)
	}
	return kit.Offsets(append(view, p.n, p.k), append(viewStrides, strides[r-1], strides[r-2]), 0)
}
