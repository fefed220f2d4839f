package kit

import "github.com/flowrun/flowrun/ir"

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
