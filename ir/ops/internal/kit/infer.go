package kit

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Refuse makes the error of a type rule, with help.
func Refuse(param, help, format string, args ...any) error {
	return &ir.ArgError{Param: param, Msg: fmt.Sprintf(format, args...), Help: help}
}

// RefuseItem is refuse for an element of a list argument.
func RefuseItem(param string, index int, help, format string, args ...any) error {
	return &ir.ArgError{Param: param, Index: index, Msg: fmt.Sprintf(format, args...), Help: help}
}

// RefuseDType is Refuse where a dtype is at fault, whatever the shapes.
func RefuseDType(param, help, format string, args ...any) error {
	return &ir.ArgError{Param: param, Msg: fmt.Sprintf(format, args...), Help: help, DType: true}
}

// Named calls operand i what the spec calls it, or else by its parameter, and gives its
// type as it was before promotion: "w1 is f32[16, 16]". It is a sentence; Typed is a noun.
func Named(n *ir.Node, i int) string {
	return fmt.Sprintf("%s is %s", OperandName(n, i), typeGiven(n, i))
}

// Typed is Named inside of a sentence: "w1 (f32[16, 16])".
func Typed(n *ir.Node, i int) string {
	return fmt.Sprintf("%s (%s)", OperandName(n, i), typeGiven(n, i))
}

// typeGiven is operand i's type before promotion, whose casts say what they are for.
func typeGiven(n *ir.Node, i int) ir.Type {
	in := n.Inputs[i]
	for in.Op == ir.CastOp && in.Name == "" && in.Why != "" {
		in = in.Inputs[0]
	}
	return in.Type
}

// OperandName calls operand i what the spec calls it, or else by its parameter.
func OperandName(n *ir.Node, i int) string {
	in := n.Inputs[i]
	for in.Op == ir.CastOp && in.Name == "" { // promotion may have put it there
		in = in.Inputs[0]
	}
	if in.Name != "" {
		return in.Name
	}
	name := n.OperandName(i)
	if from, to := n.Operand(name); to-from > 1 {
		return fmt.Sprintf("%s[%d]", name, i-from)
	}
	return name
}

// LikeOperand is the type rule of elementwise ops with one operand.
func LikeOperand(n *ir.Node) (ir.Type, error) { return n.Inputs[0].Type, nil }

// LikeNumber is LikeOperand for ops of numbers.
func LikeNumber(n *ir.Node) (ir.Type, error) { return n.Inputs[0].Type, RefuseNonNumber(n, 0) }

// RefuseNonNumber refuses dtypes that nothing is computed in: bools, and u8, in which
// sums and differences of a few numbers wouldn't fit.
func RefuseNonNumber(n *ir.Node, i int) error {
	what := ""
	switch n.Inputs[i].Type.DType {
	case ir.Bool:
		what = "bools"
	case ir.U8:
		what = "u8"
	default:
		return nil
	}
	return RefuseDType(n.OperandName(i), `cast it first: cast(x, "i32") or cast(x, "f32")`,
		"%s doesn't support %s: %s", n.Op.Name, what, Named(n, i))
}

// TestOf is the type rule of elementwise tests.
func TestOf(n *ir.Node) (ir.Type, error) {
	return ir.Type{DType: ir.Bool, Shape: n.Inputs[0].Type.Shape}, nil
}

// Meet is the type rule of binary arithmetic: numbers of one dtype, broadcast.
func Meet(n *ir.Node) (ir.Type, error) {
	if err := RefuseNonNumber(n, toBlame(n)); err != nil {
		return ir.Type{}, err
	}
	shape, err := BroadcastOperands(n)
	return ir.Type{DType: n.Inputs[0].Type.DType, Shape: shape}, err
}

// toBlame is the first of operands of one dtype that has it by itself, and not because
// it was given as a number or promoted.
func toBlame(n *ir.Node) int {
	return max(0, slices.IndexFunc(n.Inputs, func(in *ir.Node) bool {
		return in.Op != ir.ConstOp && (in.Op != ir.CastOp || in.Name != "" || in.Inputs[0].Type.DType == in.Type.DType)
	}))
}

// Compare is the type rule of comparisons and logical ops.
func Compare(n *ir.Node) (ir.Type, error) {
	shape, err := BroadcastOperands(n)
	return ir.Type{DType: ir.Bool, Shape: shape}, err
}

// BroadcastOperands is the shape in which all operands meet.
func BroadcastOperands(n *ir.Node) (ir.Shape, error) {
	shape := n.Inputs[0].Type.Shape
	for i := 1; i < len(n.Inputs); i++ {
		next, ok := ir.Broadcast(shape, n.Inputs[i].Type.Shape)
		if !ok {
			return nil, refuseBroadcast(n, i)
		}
		shape = next
	}
	return shape, nil
}

// refuseBroadcast says which dims of operand i and an earlier one don't fit.
func refuseBroadcast(n *ir.Node, i int) error {
	y := n.Inputs[i].Type.Shape
	for j := range i {
		x := n.Inputs[j].Type.Shape
		for k := 1; k <= min(len(x), len(y)); k++ {
			p, q := x[len(x)-k], y[len(y)-k]
			if p != q && p != 1 && q != 1 {
				return Refuse(n.OperandName(i), "shapes are aligned at their last dims; unsqueeze or reshape one of them",
					"shapes don't broadcast: %s, %s; dim -%d is %d and %d, which must be equal or one of them 1",
					Named(n, j), Named(n, i), k, p, q)
			}
		}
	}
	return Refuse(n.OperandName(i), "", "shapes don't broadcast: %s", Named(n, i))
}

// NormDim makes the argument dim positive.
func NormDim(n *ir.Node, shape ir.Shape) (int, error) { return NormDimOf(n, "dim", shape) }

// NormDimOf makes an argument positive that is a dim.
func NormDimOf(n *ir.Node, param string, shape ir.Shape) (int, error) {
	d, err := shape.Dim(n.Int(param))
	if err != nil {
		return 0, ir.Argf(param, "%s", err)
	}
	n.SetAttr(param, d)
	return d, nil
}

// NormDims makes a list of dims positive, sorted and complete: nil is all.
func NormDims(n *ir.Node, param string, shape ir.Shape) ([]int, error) {
	switch given := n.Ints(param); {
	case given == nil:
		all := make([]int, len(shape))
		for i := range all {
			all[i] = i
		}
		n.SetAttr(param, all)
		return all, nil
	case len(given) == 0 && len(shape) > 0:
		return nil, Refuse(param, "omit it for all dims", "%s is an empty list", param)
	}
	return PositiveDims(n, param, shape)
}

// PositiveDims makes a list of dims positive and sorted.
func PositiveDims(n *ir.Node, param string, shape ir.Shape) ([]int, error) {
	dims, err := DistinctDims(n, param, shape)
	if err != nil {
		return nil, err
	}
	slices.Sort(dims)
	n.SetAttr(param, dims)
	return dims, nil
}

// DistinctDims gives a list of dims as positive ones, in their order; none may be in it
// twice.
func DistinctDims(n *ir.Node, param string, shape ir.Shape) ([]int, error) {
	given := n.Ints(param)
	dims := make([]int, 0, len(given))
	for _, g := range given {
		d, err := shape.Dim(g)
		if err != nil {
			return nil, ir.Argf(param, "%s", err)
		}
		if slices.Contains(dims, d) {
			return nil, ir.Argf(param, "%s %v has dim %d twice", param, ir.Shape(given), d)
		}
		dims = append(dims, d)
	}
	return dims, nil
}

// ReducedTo normalises dim and gives a type of the shape that is left.
func ReducedTo(n *ir.Node, d ir.DType) (ir.Type, error) {
	x := n.Inputs[0].Type.Shape
	dims, err := NormDims(n, "dim", x)
	if err != nil {
		return ir.Type{}, err
	}
	return ir.Type{DType: d, Shape: Without(x, dims, n.Bool("keepdim"))}, nil
}

// Without is a shape with some dims dropped, or kept as 1.
func Without(s ir.Shape, dims []int, keep bool) ir.Shape {
	out := ir.Shape{}
	for i, d := range s {
		switch {
		case !slices.Contains(dims, i):
			out = append(out, d)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}

// InferAlong is the type rule of ops that work along one dim and keep the type.
func InferAlong(n *ir.Node) (ir.Type, error) {
	x := n.Inputs[0].Type
	_, err := NormDim(n, x.Shape)
	return x, err
}

// ReducedCount is how many elements each element of a reduction comes from.
func ReducedCount(n *ir.Node) int {
	count := 1
	for _, d := range n.Ints("dim") {
		count = ir.MulSize(count, n.Inputs[0].Type.Shape[d])
	}
	return count
}
