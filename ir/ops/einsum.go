package ops

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Einsum = ir.Register(&ir.Op{
	Name:   "einsum",
	Family: ir.LinearAlgebra,
	Doc: `Products of tensors, summed over the dims that the equation says.

The equation names each dim of each operand by a letter, and after -> those of the
result: "bij,bjk->bik" is a product of batches of matrices. Dims with one letter have
one size, or 1. A letter that the result lacks is summed over; one that an operand has
twice takes its diagonal. "..." stands for any dims, which are broadcast. Without ->
the result has the letters that occur once, in the order of the alphabet, after "...".
Operands are multiplied from left to right, as matrix products.`,
	Example: `
a: f32[2, 2] = [[1, 2], [3, 4]]
b: f32[2] = [5, 6]
einsum("ij,j->i", [a, b]): f32[2] = [17, 39]`,
	Params: []ir.Param{
		{Name: "equation", Kind: ir.KString, Doc: "the letters of the operands, and of the result"},
		{Name: "operands", Kind: ir.KTensors, Doc: "at least one tensor"},
	},
	Class:   ir.Contract,
	Promote: ir.PromoteAll,
	Infer: func(n *ir.Node) (ir.Type, error) {
		e, err := equationOf(n)
		if err != nil {
			return ir.Type{}, err
		}
		return ir.Type{DType: n.Inputs[0].Type.DType, Shape: e.shapeOf(e.result)}, nil
	},
	Reference: referenceEinsum,
	Inline:    true,
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		e, _ := equationOf(n)
		return e.contract(b, n.Inputs)
	},
	Slack: func(c ir.Computed) ir.Slack {
		// As many products and additions in f32 as there are numbers to each letter that is
		// summed over, of magnitudes whose sum is that of the operands' magnitudes; and the
		// products of more than two operands are rounded on the way.
		e, _ := equationOf(c.Node)
		terms := len(c.In)
		for l, size := range e.sizes {
			if !slices.Contains(e.result, l) {
				terms = ir.MulSize(terms, size)
			}
		}
		size := kit.Magnitudes(c)
		return func(i int) float64 { return 2 * c.Unit * float64(terms) * size[i] }
	},
	Sample: sampleEinsum,
})

// factor is a tensor with the labels of its dims.
type factor struct {
	value  *ir.Node
	labels []label
}

// contract writes the equation as matrix products, from left to right. Those of f16 and
// bf16 accumulate in f32 and round once, so two factors stay as they are; sums of one
// factor, and products of more than two, are kept in f32.
func (e *equation) contract(b *ir.Builder, inputs []*ir.Node) *ir.Node {
	dtype := inputs[0].Type.DType
	var product factor
	for i, in := range inputs {
		if len(inputs) > 2 {
			in = b.Cast(in, dtype.Wide())
		}
		f := e.prepared(b, factor{in, e.operands[i]})
		later := slices.Clone(e.result)
		for _, labels := range e.operands[i+1:] {
			later = append(later, labels...)
		}
		if i == 0 {
			product = e.summed(b, f, append(later, e.result...))
			continue
		}
		product = e.multiply(b, e.summed(b, product, append(later, f.labels...)), e.summed(b, f, append(later, product.labels...)), later)
	}
	// Dims that are 1 in all operands so far were left out.
	return b.Cast(e.arranged(b, product, e.result), dtype)
}

// prepared is an operand with its diagonals taken, and without dims of size 1, which
// broadcast where the other operands are larger.
func (e *equation) prepared(b *ir.Builder, f factor) factor {
	f.labels = slices.Clone(f.labels)
	for d := 0; d < len(f.labels); d++ {
		j := slices.Index(f.labels[:d], f.labels[d])
		if j < 0 {
			continue
		}
		// Where the two indices are equal; the rest is 0, whatever it was.
		shape := f.value.Type.Shape
		size := shape[d]
		mask := make(ir.Shape, len(shape))
		for i := range mask {
			mask[i] = 1
		}
		mask[j], mask[d] = size, size
		on := b.Reshape(b.Cast(b.Op("eye", size), ir.Bool), mask)
		diagonal := b.Op("where", on, f.value, b.Fill(ir.Type{DType: f.value.Type.DType, Shape: ir.Shape{}}, 0))
		f.value = b.Op("sum", b.Cast(diagonal, diagonal.Type.DType.Wide()), []int{d})
		f.labels = slices.Delete(f.labels, d, d+1)
		d--
	}
	shape := ir.Shape{}
	var labels []label
	for d, l := range f.labels {
		if size := f.value.Type.Shape[d]; size != 1 {
			shape, labels = append(shape, size), append(labels, l)
		}
	}
	return factor{b.Reshape(f.value, shape), labels}
}

// summed is a factor summed over the dims that nothing needs.
func (e *equation) summed(b *ir.Builder, f factor, needed []label) factor {
	var dims []int
	var left []label
	for d, l := range f.labels {
		if slices.Contains(needed, l) {
			left = append(left, l)
		} else {
			dims = append(dims, d)
		}
	}
	if len(dims) == 0 {
		return f
	}
	return factor{b.Op("sum", b.Cast(f.value, f.value.Type.DType.Wide()), dims), left}
}

// multiply is the product of two factors, summed over the dims that both have and that
// aren't needed later: a product of batches of matrices.
func (e *equation) multiply(b *ir.Builder, x, y factor, later []label) factor {
	var batch, inner, rows, columns []label
	for _, l := range x.labels {
		switch {
		case !slices.Contains(y.labels, l):
			rows = append(rows, l)
		case slices.Contains(later, l):
			batch = append(batch, l)
		default:
			inner = append(inner, l)
		}
	}
	for _, l := range y.labels {
		if !slices.Contains(x.labels, l) {
			columns = append(columns, l)
		}
	}
	size := func(labels []label) int { return e.shapeOf(labels).Numel() }
	left := e.arranged(b, x, slices.Concat(batch, rows, inner))
	right := e.arranged(b, y, slices.Concat(batch, inner, columns))
	var product *ir.Node
	if len(inner) == 0 {
		product = b.Op("mul", b.Reshape(left, ir.Shape{size(batch), size(rows), 1}), b.Reshape(right, ir.Shape{size(batch), 1, size(columns)}))
	} else {
		product = b.Op("matmul", b.Reshape(left, ir.Shape{size(batch), size(rows), size(inner)}),
			b.Reshape(right, ir.Shape{size(batch), size(inner), size(columns)}))
	}
	labels := slices.Concat(batch, rows, columns)
	return factor{b.Reshape(product, e.shapeOf(labels)), labels}
}

// arranged is a factor with its dims in an order. Of dims that it lacks, it has none that
// is larger than 1.
func (e *equation) arranged(b *ir.Builder, f factor, order []label) *ir.Node {
	var dims []int
	for _, l := range order {
		if d := slices.Index(f.labels, l); d >= 0 {
			dims = append(dims, d)
		}
	}
	v := f.value
	if !slices.IsSorted(dims) {
		v = b.Op("permute", v, dims)
	}
	return b.Reshape(v, e.shapeOf(order))
}

// referenceEinsum visits each combination of the letters' values.
func referenceEinsum(n *ir.Node, in []*ir.Array) *ir.Array {
	e, _ := equationOf(n)
	out := ir.NewArray(n.Type)
	labels := slices.Clone(e.result)
	for l := range e.sizes {
		if !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels[len(e.result):])
	at := map[label]int{}
	offset := func(labels []label, shape ir.Shape) (o int) {
		for d, stride := range shape.Strides() {
			if shape[d] > 1 {
				o += at[labels[d]] * stride
			}
		}
		return o
	}
	for i := range e.shapeOf(labels).Numel() {
		for j := len(labels) - 1; j >= 0; j-- {
			at[labels[j]], i = i%e.sizes[labels[j]], i/e.sizes[labels[j]]
		}
		to := offset(e.result, n.Type.Shape)
		f, whole := 1.0, int64(1)
		for k, a := range in {
			if from := offset(e.operands[k], a.Type.Shape); a.F != nil {
				f *= a.F[from]
			} else {
				whole *= a.I[from]
			}
		}
		if out.F != nil {
			out.F[to] += f
		} else {
			out.I[to] += whole
		}
	}
	return out
}

// sampleEinsum draws an equation of up to three operands over four letters and "...".
func sampleEinsum(s ir.Sampler) []any {
	letters := []rune("ijkl")
	sizes := map[rune]int{}
	for i, size := range s.OfRank(len(letters)) {
		sizes[letters[i]] = min(size, 5)
	}
	dots := s.OfRank(s.Int(0, 2))
	var parts []string
	var operands []any
	seen := map[rune]bool{}
	anyDots := false
	for range s.Int(1, 3) {
		part, shape := "", ir.Shape{}
		for range s.Int(0, 3) {
			l := letters[s.Int(0, len(letters)-1)]
			part, shape = part+string(l), append(shape, sizes[l])
			seen[l] = true
		}
		if s.Int(0, 2) == 0 {
			part, shape, anyDots = "..."+part, append(s.Part(dots), shape...), true
		}
		parts, operands = append(parts, part), append(operands, s.Tensor(shape))
	}
	text := strings.Join(parts, ",")
	if s.Int(0, 2) > 0 {
		text += "->"
		for _, l := range "likj" {
			if seen[l] && s.Int(0, 1) == 0 {
				text += string(l)
			}
		}
		if anyDots {
			text += "..."
		}
	}
	return []any{text, operands}
}
