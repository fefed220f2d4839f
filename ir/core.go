package ir

import (
	"fmt"
	"maps"
	"math"
)

// The ops that the graph itself is made with. All others are in ir/ops.
var (
	// StateOp reads a state: its value before the step.
	StateOp = Register(&Op{
		Name:  "state",
		Doc:   "The value of a state before the step.",
		Infer: func(n *Node) (Type, error) { return n.State.Type, nil },
	})

	// ConstOp is a value known before anything runs.
	ConstOp = Register(&Op{
		Name:      "const",
		Doc:       "A constant.",
		Params:    []Param{{Name: "value", Kind: KTensorValue, Doc: "the value"}},
		Infer:     func(n *Node) (Type, error) { return n.Attr("value").(*Tensor).Type, nil },
		Reference: func(n *Node, _ []*Array) *Array { return n.Attr("value").(*Tensor).Array() },
	})

	// SourceOp is the batch of a data source at a step, one node per field. It
	// runs on the host.
	SourceOp = Register(&Op{
		Name: "source",
		Doc:  "A field of a data source's batch at a step.",
		Params: []Param{
			{Name: "step", Kind: KTensor, Doc: "the step counter, i64[]"},
			{Name: "source", Kind: KString, Doc: "the source's name"},
			{Name: "field", Kind: KString, Doc: "the field's name"},
			{Name: "dtype", Kind: KDType, Doc: "the field's dtype"},
			{Name: "shape", Kind: KInts, Doc: "the shape of one batch"},
		},
		Infer: func(n *Node) (Type, error) {
			return Type{n.Attr("dtype").(DType), Shape(n.Ints("shape"))}, nil
		},
	})

	// CopyOp carries a value into another memory space. Lowering inserts it.
	CopyOp = Register(&Op{
		Name:      "copy",
		Doc:       "The same value in another memory space.",
		Params:    []Param{{Name: "x", Kind: KTensor, Doc: "the value to copy"}},
		Infer:     func(n *Node) (Type, error) { return n.Inputs[0].Type, nil },
		Reference: func(_ *Node, in []*Array) *Array { return in[0] },
	})

	// GradOp is the gradient of a scalar. Autodiff replaces it.
	GradOp = Register(&Op{
		Name:   "grad",
		Family: DTypeFamily,
		Doc: `The gradient of the scalar y with respect to x, in x's shape and dtype.

x is a parameter or any other floating value that y depends on. A gradient is a value
like any other: it can be used in expressions, and differentiated again.`,
		Example: `
x: f32[3] = [1, 2, 3]
grad(sum(x * x), x): f32[3] = [2, 4, 6]`,
		Torch: "torch.autograd.grad",
		Params: []Param{
			{Name: "y", Kind: KTensor, Doc: "a floating scalar"},
			{Name: "x", Kind: KTensor, Doc: "a floating value that y depends on"},
		},
		Infer: func(n *Node) (Type, error) {
			y, x := n.Inputs[0].Type, n.Inputs[1].Type
			if !y.DType.IsFloat() || len(y.Shape) != 0 {
				return Type{}, Argf("y", "grad requires a floating-point scalar; y is %s", y)
			}
			if !x.DType.IsFloat() {
				return Type{}, Argf("x", "grad requires a floating-point variable; x is %s", x)
			}
			return x, nil
		},
	})

	// CastOp changes the dtype.
	CastOp = Register(&Op{
		Name:   "cast",
		Family: DTypeFamily,
		Doc: `x in another dtype.

Floats become integers by dropping the fraction; those that don't fit become the
nearest integer that does, and NaN becomes 0. Integers that don't fit wrap around: 257
becomes 1 in u8. As a bool, everything but 0 is true. Floats
that are narrowed are rounded to nearest, ties to even.`,
		Example: `
x: f32[2] = [1.7, -1.7]
cast(x, "i32"): i32[2] = [1, -1]`,
		Torch:   "torch.Tensor.to",
		Aliases: "to astype type float int long double half bool",
		Params: []Param{
			{Name: "x", Kind: KTensor, Doc: "any tensor"},
			{Name: "dtype", Kind: KDType, Doc: "the dtype of the result"},
		},
		Class: Elementwise,
		Exact: true,
		Infer: func(n *Node) (Type, error) {
			return Type{n.Attr("dtype").(DType), n.Inputs[0].Type.Shape}, nil
		},
		Reference: referenceCast,
		Sample:    func(s Sampler) []any { return []any{s.Tensor(s.Shape(0)), s.DType()} },
	})
)

func init() { // not in the literal: Cast refers to CastOp
	CastOp.Grad = func(b *Builder, n, g *Node) []*Node {
		x := n.Inputs[0]
		if !x.Type.DType.IsFloat() {
			return []*Node{nil}
		}
		return []*Node{b.Cast(g, x.Type.DType)}
	}
}

func referenceCast(n *Node, in []*Array) *Array {
	x, out := in[0], NewArray(n.Type)
	for i := range out.Len() {
		switch {
		case n.Type.DType == Bool:
			if x.At(i) != 0 {
				out.I[i] = 1
			}
		case out.F != nil:
			out.F[i] = x.At(i)
		case x.I != nil && n.Type.DType == U8:
			out.I[i] = int64(uint8(x.I[i]))
		case x.I != nil && n.Type.DType == I32:
			out.I[i] = int64(int32(x.I[i]))
		case x.I != nil:
			out.I[i] = x.I[i]
		case n.Type.DType == U8:
			out.I[i] = saturate(x.F[i], 0, math.MaxUint8)
		case n.Type.DType == I32:
			out.I[i] = saturate(x.F[i], math.MinInt32, math.MaxInt32)
		default:
			out.I[i] = saturate(x.F[i], math.MinInt64, math.MaxInt64)
		}
	}
	return out
}

func saturate(v float64, low, high int64) int64 {
	switch {
	case math.IsNaN(v):
		return 0
	case v <= float64(low):
		return low
	case v >= float64(high):
		return high
	}
	return int64(v)
}

// The registry is written while packages are initialised, and only read from then on.
var (
	registry  = map[string]*Op{}
	operators = map[operator]*Op{}
)

type operator struct {
	sign     string
	operands int
}

// Register makes an op known by its name, and gives it back. It panics if the
// name is taken.
func Register(op *Op) *Op {
	if registry[op.Name] != nil {
		panic(fmt.Sprintf("ir: op %s is registered twice", op.Name))
	}
	registry[op.Name] = op
	if op.Operator != "" {
		operators[operator{op.Operator, len(op.Params)}] = op
	}
	return op
}

// LookupOp finds an op by name, or nil.
func LookupOp(name string) *Op {
	return registry[name]
}

// LookupOperator finds the op that an operator with one or two operands stands
// for, or nil.
func LookupOperator(sign string, operands int) *Op {
	return operators[operator{sign, operands}]
}

// Ops lists all ops by name.
func Ops() map[string]*Op {
	return maps.Clone(registry)
}
