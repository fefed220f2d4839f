package ops

import "github.com/flowrun/flowrun/ir"

// nodes is what a gradient gives, one for each operand.
type nodes = []*ir.Node

// Gradients of f16 and bf16 are computed in f32: there, all floating operands
// of the node, its value and its gradient are f32, whatever the spec says.

// apply builds a node of an op by its name. Gradients and decompositions can't
// name the ops' variables: mul's gradient multiplies, and Go refuses a variable
// whose initialiser refers to itself.
func apply(b *ir.Builder, op string, args ...any) *ir.Node {
	return b.Apply(ir.LookupOp(op), args...)
}

// flat is the gradient of steps: 0 wherever there is one, and taken as 0 where
// the value jumps, as in PyTorch.
func flat(b *ir.Builder, n, _ *ir.Node) []*ir.Node {
	return nodes{Fill(b, n.Inputs[0].Type, 0)}
}

// The ops as gradients write them. Operands are nodes, or numbers, which take
// the dtype of the nodes beside them.

func neg(b *ir.Builder, x any) *ir.Node     { return apply(b, "neg", x) }
func sign(b *ir.Builder, x any) *ir.Node    { return apply(b, "sign", x) }
func exp(b *ir.Builder, x any) *ir.Node     { return apply(b, "exp", x) }
func log(b *ir.Builder, x any) *ir.Node     { return apply(b, "log", x) }
func sin(b *ir.Builder, x any) *ir.Node     { return apply(b, "sin", x) }
func cos(b *ir.Builder, x any) *ir.Node     { return apply(b, "cos", x) }
func tanh(b *ir.Builder, x any) *ir.Node    { return apply(b, "tanh", x) }
func erf(b *ir.Builder, x any) *ir.Node     { return apply(b, "erf", x) }
func rsqrt(b *ir.Builder, x any) *ir.Node   { return apply(b, "rsqrt", x) }
func square(b *ir.Builder, x any) *ir.Node  { return apply(b, "square", x) }
func sigmoid(b *ir.Builder, x any) *ir.Node { return apply(b, "sigmoid", x) }

func add(b *ir.Builder, x, y any) *ir.Node { return apply(b, "add", x, y) }
func sub(b *ir.Builder, x, y any) *ir.Node { return apply(b, "sub", x, y) }
func mul(b *ir.Builder, x, y any) *ir.Node { return apply(b, "mul", x, y) }
func div(b *ir.Builder, x, y any) *ir.Node { return apply(b, "div", x, y) }
func pow(b *ir.Builder, x, y any) *ir.Node { return apply(b, "pow", x, y) }
func eq(b *ir.Builder, x, y any) *ir.Node  { return apply(b, "eq", x, y) }
func lt(b *ir.Builder, x, y any) *ir.Node  { return apply(b, "lt", x, y) }
func le(b *ir.Builder, x, y any) *ir.Node  { return apply(b, "le", x, y) }
func gt(b *ir.Builder, x, y any) *ir.Node  { return apply(b, "gt", x, y) }
func ge(b *ir.Builder, x, y any) *ir.Node  { return apply(b, "ge", x, y) }
func and(b *ir.Builder, x, y any) *ir.Node { return apply(b, "logical_and", x, y) }

func where(b *ir.Builder, c, x, y any) *ir.Node { return apply(b, "where", c, x, y) }

// sum adds up over dims, keeping them as 1.
func sum(b *ir.Builder, x *ir.Node, dims []int) *ir.Node {
	return apply(b, "sum", x, dims, true)
}

// mean averages over dims, keeping them as 1.
func mean(b *ir.Builder, x *ir.Node, dims []int) *ir.Node {
	return apply(b, "mean", x, dims, true)
}

// matmul multiplies a, or its transpose, by b, or its transpose.
func matmul(b *ir.Builder, x, y *ir.Node, transposeX, transposeY bool) *ir.Node {
	return apply(b, "matmul", x, y, transposeX, transposeY)
}

// reshape gives x another shape; x itself if it has it.
func reshape(b *ir.Builder, x *ir.Node, shape ir.Shape) *ir.Node {
	if x.Type.Shape.Equal(shape) {
		return x
	}
	return apply(b, "reshape", x, []int(shape))
}

// broadcastTo repeats x up to a shape; x itself if it has it.
func broadcastTo(b *ir.Builder, x *ir.Node, shape ir.Shape) *ir.Node {
	if x.Type.Shape.Equal(shape) {
		return x
	}
	return apply(b, "broadcast_to", x, []int(shape))
}

// wide brings f16 and bf16 to f32, in which their intermediate values are kept.
func wide(b *ir.Builder, x *ir.Node) *ir.Node {
	return b.Cast(x, x.Type.DType.Wide())
}

// Fill makes a value of a type whose elements are all equal to an int, float64
// or bool.
func Fill(b *ir.Builder, t ir.Type, value any) *ir.Node {
	return apply(b, "full", []int(t.Shape), value, t.DType)
}

// sumTo adds x up to the shape of one of the operands that were broadcast.
func sumTo(b *ir.Builder, x, operand *ir.Node) *ir.Node { return SumTo(b, x, operand.Type.Shape) }

// SumTo adds x up over the dims along which a value of the given shape was
// repeated to x's: the gradient of broadcasting.
func SumTo(b *ir.Builder, x *ir.Node, shape ir.Shape) *ir.Node {
	from := x.Type.Shape
	lead := len(from) - len(shape)
	var dims []int
	inner := false
	for i := range from {
		if i < lead || shape[i-lead] != from[i] {
			dims = append(dims, i)
			inner = inner || i >= lead
		}
	}
	if dims == nil {
		return x
	}
	keep := inner && lead == 0
	return reshape(b, apply(b, "sum", x, dims, keep), shape)
}
