package ir

// Formulas: the ops of ir/ops as gradients, decompositions and passes write
// them. Operands are nodes, or numbers, which take the dtype of the nodes beside
// them.

// Op builds a node of an op by its name. The ops' own files call it because they
// can't name each other's variables: mul's gradient multiplies, and Go refuses a
// variable whose initialiser refers to itself.
func (b *Builder) Op(name string, args ...any) *Node { return b.Apply(LookupOp(name), args...) }

func (b *Builder) Neg(x any) *Node     { return b.Op("neg", x) }
func (b *Builder) Sign(x any) *Node    { return b.Op("sign", x) }
func (b *Builder) Exp(x any) *Node     { return b.Op("exp", x) }
func (b *Builder) Log(x any) *Node     { return b.Op("log", x) }
func (b *Builder) Sin(x any) *Node     { return b.Op("sin", x) }
func (b *Builder) Cos(x any) *Node     { return b.Op("cos", x) }
func (b *Builder) Tanh(x any) *Node    { return b.Op("tanh", x) }
func (b *Builder) Erf(x any) *Node     { return b.Op("erf", x) }
func (b *Builder) Rsqrt(x any) *Node   { return b.Op("rsqrt", x) }
func (b *Builder) Square(x any) *Node  { return b.Op("square", x) }
func (b *Builder) Sigmoid(x any) *Node { return b.Op("sigmoid", x) }

func (b *Builder) Add(x, y any) *Node { return b.Op("add", x, y) }
func (b *Builder) Sub(x, y any) *Node { return b.Op("sub", x, y) }
func (b *Builder) Mul(x, y any) *Node { return b.Op("mul", x, y) }
func (b *Builder) Div(x, y any) *Node { return b.Op("div", x, y) }
func (b *Builder) Pow(x, y any) *Node { return b.Op("pow", x, y) }
func (b *Builder) Eq(x, y any) *Node  { return b.Op("eq", x, y) }
func (b *Builder) Lt(x, y any) *Node  { return b.Op("lt", x, y) }
func (b *Builder) Le(x, y any) *Node  { return b.Op("le", x, y) }
func (b *Builder) Gt(x, y any) *Node  { return b.Op("gt", x, y) }
func (b *Builder) Ge(x, y any) *Node  { return b.Op("ge", x, y) }
func (b *Builder) And(x, y any) *Node { return b.Op("logical_and", x, y) }

func (b *Builder) Where(c, x, y any) *Node { return b.Op("where", c, x, y) }

// Sum adds up over dims, keeping them as 1.
func (b *Builder) Sum(x *Node, dims []int) *Node { return b.Op("sum", x, dims, true) }

// Mean averages over dims, keeping them as 1.
func (b *Builder) Mean(x *Node, dims []int) *Node { return b.Op("mean", x, dims, true) }

// Matmul multiplies a, or its transpose, by b, or its transpose.
func (b *Builder) Matmul(x, y *Node, transposeX, transposeY bool) *Node {
	return b.Op("matmul", x, y, transposeX, transposeY)
}

// Reshape gives x another shape; x itself if it has it.
func (b *Builder) Reshape(x *Node, shape Shape) *Node {
	if x.Type.Shape.Equal(shape) {
		return x
	}
	return b.Op("reshape", x, []int(shape))
}

// BroadcastTo repeats x up to a shape; x itself if it has it.
func (b *Builder) BroadcastTo(x *Node, shape Shape) *Node {
	if x.Type.Shape.Equal(shape) {
		return x
	}
	return b.Op("broadcast_to", x, []int(shape))
}

// Wide brings f16 and bf16 to f32, in which their intermediate values are kept.
func (b *Builder) Wide(x *Node) *Node { return b.Cast(x, x.Type.DType.Wide()) }

// Fill makes a value of a type whose elements are all equal to an int, float64
// or bool.
func (b *Builder) Fill(t Type, value any) *Node {
	return b.Op("full", []int(t.Shape), value, t.DType)
}

// SumTo adds x up over the dims along which an operand was repeated to x's shape:
// the gradient of broadcasting.
func (b *Builder) SumTo(x, operand *Node) *Node {
	from, shape := x.Type.Shape, operand.Type.Shape
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
	return b.Reshape(b.Op("sum", x, dims, keep), shape)
}
