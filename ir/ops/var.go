package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Var = ir.Register(kit.Reduction(&ir.Op{
	Name: "var",
	Doc: `The variance of the elements along some dims, or of all.

The squares are divided by the number of elements, as in NumPy; PyTorch divides
by one less by default. Without elements it is NaN.`,
	Example: `
x: f32[4] = [1, 3, 5, 7]
var(x): f32[] = 5`,
	Torch:     "torch.var with correction=0",
	Infer:     inferSpread,
	Grad:      func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{gradDeviation(b, n, g)} },
	Reference: kit.EachRow(variance, nil),
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Cast(varianceNodes(b, n), n.Type.DType)
	},
}))

func inferSpread(n *ir.Node) (ir.Type, error) {
	d := n.Inputs[0].Type.DType
	if !d.IsFloat() {
		return ir.Type{}, kit.Refuse("x", "cast it first: "+n.Op.Name+`(cast(x, "f32"))`,
			"%s requires floats; %s", n.Op.Name, kit.Named(n, 0))
	}
	return kit.ReducedTo(n, d)
}

func variance(v []float64) float64 {
	m, s := average(v), 0.0
	for _, x := range v {
		s += (x - m) * (x - m)
	}
	return s / float64(len(v))
}

// varianceNodes is the variance of n's operand as nodes that all have kernels,
// in f32 for f16 and bf16.
func varianceNodes(b *ir.Builder, n *ir.Node) *ir.Node {
	x, dims := b.Wide(n.Inputs[0]), n.Ints("dim")
	deviation := b.Sub(x, averageNodes(b, x, dims, true))
	return averageNodes(b, b.Square(deviation), dims, n.Bool("keepdim"))
}

// gradDeviation is the gradient of the variance of n's operand, given that of
// the variance: 2/n times the deviation from the mean.
func gradDeviation(b *ir.Builder, n, g *ir.Node) *ir.Node {
	x := n.Inputs[0]
	deviation := b.Sub(x, b.Mean(x, n.Ints("dim")))
	scale := b.Mul(kit.Unreduced(b, n, g), 2/float64(kit.ReducedCount(n)))
	return b.Mul(deviation, scale)
}
