package kit

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Flat is the gradient of steps: 0 wherever there is one, and taken as 0 where
// the value jumps, as in PyTorch.
func Flat(b *ir.Builder, n, _ *ir.Node) []*ir.Node {
	return []*ir.Node{b.Fill(n.Inputs[0].Type, 0)}
}

// Unreduced gives a reduction's value, or its gradient, the reduced dims back,
// with size 1.
func Unreduced(b *ir.Builder, n, x *ir.Node) *ir.Node {
	return b.Reshape(x, Without(n.Inputs[0].Type.Shape, n.Ints("dim"), true))
}

// Spread repeats a reduction's gradient over what was reduced.
func Spread(b *ir.Builder, n, g *ir.Node) *ir.Node {
	return b.BroadcastTo(Unreduced(b, n, g), n.Inputs[0].Type.Shape)
}

// Through is the gradients of operands by way of what build makes of them, for the
// gradient g of that. An operand that comes again has its gradient at its first place.
func Through(b *ir.Builder, operands []*ir.Node, g *ir.Node, build func([]*ir.Node) *ir.Node) []*ir.Node {
	from := len(b.Graph.Nodes)
	out := build(operands)
	at := map[*ir.Node]*ir.Node{out: g}
	for _, n := range slices.Backward(slices.Clone(b.Graph.Nodes[from:])) {
		if at[n] == nil || n.Op.Grad == nil {
			continue
		}
		for i, part := range n.Op.Grad(b, n, at[n]) {
			in := n.Inputs[i]
			if part != nil && at[in] != nil {
				part = b.Add(at[in], part)
			}
			if part != nil {
				at[in] = part
			}
		}
	}
	slopes := make([]*ir.Node, len(operands))
	for i, x := range operands {
		if slices.Index(operands, x) == i {
			slopes[i] = at[x]
		}
	}
	return slopes
}
