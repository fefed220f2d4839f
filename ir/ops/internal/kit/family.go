package kit

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
)

// The families fill in what their ops have in common, so that an op's file has
// only what is its own.

// Activation is an elementwise op of one operand that exists for floats only.
func Activation(op *ir.Op, f func(float64) float64) *ir.Op {
	op.Params, op.Class, op.Promote = ParamsUnary, ir.Elementwise, ir.PromoteFloat
	op.Infer, op.Reference = LikeOperand, EachFloat(f)
	return op
}

// Function is an Activation that numbers known at compile time have too.
func Function(op *ir.Op, f func(float64) float64) *ir.Op {
	op.Scalar = comptime.Real(f)
	return Activation(op, f)
}

// Unary is an exact elementwise op of one operand, in the operand's dtype.
func Unary(op *ir.Op, f func(float64) float64, fi func(int64) int64) *ir.Op {
	op.Params, op.Class, op.Exact = ParamsUnary, ir.Elementwise, true
	op.Infer, op.Reference = LikeNumber, EachNumber(f, fi)
	return op
}

// Rounding is an op that gives whole numbers, and leaves integers as they are.
func Rounding(op *ir.Op, f func(float64) float64) *ir.Op {
	op.Family, op.Grad, op.Scalar = ir.Arithmetic, Flat, comptime.Whole(f)
	return Unary(op, f, func(v int64) int64 { return v })
}

// Binary is arithmetic with two numbers of one dtype.
func Binary(op *ir.Op, f func(a, b float64) float64, fi func(a, b int64) int64) *ir.Op {
	op.Family, op.Params, op.Class, op.Promote = ir.Arithmetic, ParamsBinary, ir.Elementwise, ir.PromoteAll
	op.Infer, op.Reference = Meet, EachPair(f, fi)
	return op
}

// Comparison is an op that gives a bool for two values of one dtype.
func Comparison(op *ir.Op, f func(a, b float64) bool, fi func(a, b int64) bool) *ir.Op {
	op.Family, op.Params, op.Class, op.Promote = ir.Comparison, ParamsBinary, ir.Elementwise, ir.PromoteAll
	op.Exact, op.Infer, op.Reference = true, Compare, EachComparison(f, fi)
	return op
}

// Test is an op that gives a bool for a number.
func Test(op *ir.Op, f func(float64) bool) *ir.Op {
	op.Family, op.Params, op.Class, op.Exact = ir.Comparison, ParamsUnary, ir.Elementwise, true
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		t, _ := TestOf(n)
		return t, RefuseNonNumber(n, 0)
	}
	op.Reference = EachTest(f)
	return op
}

// Reduction is an op that reduces some dims, or all.
func Reduction(op *ir.Op) *ir.Op {
	op.Family, op.Class = ir.Reductions, ir.Reduce
	if op.Params == nil {
		op.Params = ParamsReduce
	}
	if op.Sample == nil {
		op.Sample = SampleReduction(false)
	}
	return op
}

// Fill is an op that gives a tensor of one value.
func Fill(op *ir.Op, value int) *ir.Op {
	op.Family, op.Params, op.Class = ir.Creation, []ir.Param{ParamShape, DtypeOr(ir.F32)}, ir.Leaf
	op.Infer = func(n *ir.Node) (ir.Type, error) {
		return ir.Type{DType: n.Attr("dtype").(ir.DType), Shape: n.Ints("shape")}, nil
	}
	op.Sample = func(s ir.Sampler) []any { return []any{[]int(s.Shape(0)), s.DType()} }
	op.Reference = func(n *ir.Node, _ []*ir.Array) *ir.Array { return Filled(n.Type, NumberOf(n.Type.DType, value)) }
	op.Inline = true
	op.Decompose = func(b *ir.Builder, n *ir.Node) *ir.Node { return b.Fill(n.Type, value) }
	return op
}

// FillLike is a Fill in the shape and dtype of its operand.
func FillLike(op *ir.Op, value int) *ir.Op {
	op = Fill(op, value)
	op.Params, op.Infer, op.Sample = []ir.Param{ParamX}, LikeOperand, nil
	return op
}
