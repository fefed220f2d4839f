package ir

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// Call applies an op to arguments as a spec gives them, in the order of
// op.Params: *Node, or compile-time values (int, float64, bool, string, DType,
// []any of these, nil for an absent one). It fills in defaults, checks kinds,
// turns numbers given for tensors into constants, promotes dtypes, and runs the
// type rule. Errors are *ArgError where one argument is at fault.
//
// A number given for a tensor is weak, as in PyTorch: it takes the dtype of the
// tensors beside it, unless it is a float beside integers, or an int beside bools or
// u8, in which nothing is computed: it then makes them f32, or i32. One that f16 or bf16
// can't hold stays what it is: beside them the op is computed in f32, and what
// it gives is rounded once, to their dtype.
func (b *Builder) Call(op *Op, args []any) (*Node, error) {
	if len(args) > len(op.Params) {
		return nil, Argf("", "takes %s, got %d", diag.Count(len(op.Params), "argument"), len(args))
	}
	n := &Node{Op: op, Space: -1, Site: b.Site}
	var weak []weakOperand
	for i, p := range op.Params {
		var arg any
		if i < len(args) {
			arg = args[i]
		}
		if arg == nil {
			if !p.Optional {
				return nil, Argf(p.Name, "the argument %s is missing", p.Name)
			}
			arg = p.Default
		}
		switch p.Kind {
		case KTensor, KOptional:
			if arg == nil {
				continue
			}
			if err := b.operand(n, p, 0, arg, &weak); err != nil {
				return nil, err
			}
			if err := b.widen(n, p); err != nil {
				return nil, err
			}
		case KTensors:
			list, ok := arg.([]any)
			if !ok {
				return nil, Argf(p.Name, "%s must be a list of tensors, got %s", p.Name, Describe(arg))
			}
			b.Budget.Spend(b.Work, operandCost*len(list))
			for j, item := range list {
				if err := b.operand(n, p, j, item, &weak); err != nil {
					return nil, err
				}
			}
		default:
			if arg == nil && p.Kind != KDims { // absent, without a default
				n.Attrs = append(n.Attrs, nil)
				continue
			}
			if list, ok := arg.([]any); ok {
				b.Budget.Spend(b.Work, operandCost*len(list))
			}
			v, err := convert(p, arg)
			if err != nil {
				return nil, err
			}
			n.Attrs = append(n.Attrs, v)
		}
	}
	narrow, err := b.promote(n, weak)
	if err != nil {
		return nil, err
	}
	made, err := b.add(n)
	if err != nil || narrow == Invalid || !made.Type.DType.IsFloat() {
		return made, err
	}
	made, err = b.cast(made, narrow)
	if err == nil {
		made.Why = fmt.Sprintf("%s is rounded once, since %s can't hold its number", op.Name, narrow)
	}
	return made, err
}

type weakOperand struct {
	index int // in Inputs
	value any // int, float64 or bool
}

func (b *Builder) operand(n *Node, p Param, index int, arg any, weak *[]weakOperand) error {
	switch v := arg.(type) {
	case *Node:
		n.Inputs = append(n.Inputs, v)
	case int, float64, bool:
		*weak = append(*weak, weakOperand{len(n.Inputs), v})
		n.Inputs = append(n.Inputs, nil)
	default:
		return &ArgError{Param: p.Name, Index: index,
			Msg: fmt.Sprintf("%s must be a tensor, got %s", p.Name, Describe(arg))}
	}
	return nil
}

// widen casts the last operand if it is u8 and its parameter wants it wider.
func (b *Builder) widen(n *Node, p Param) (err error) {
	in := &n.Inputs[len(n.Inputs)-1]
	if p.Widen && *in != nil && (*in).Type.DType == U8 {
		*in, err = b.cast(*in, I32)
	}
	return err
}

// promote gives weak operands a dtype and makes all operands meet in one dtype
// where the op asks for it. Where that is f32 for the sake of a number that f16
// or bf16 can't hold, narrow is the dtype that the result belongs in.
func (b *Builder) promote(n *Node, weak []weakOperand) (narrow DType, err error) {
	meets := n.Op.meeting(len(n.Inputs))
	meet := Invalid
	for i, in := range n.Inputs {
		if in != nil && meets[i] {
			meet = Promote(meet, in.Type.DType)
		}
	}
	wanted := Invalid // of the weak operands alone
	for _, w := range weak {
		if meets[w.index] {
			wanted = Promote(wanted, weakDType(w.value))
		}
	}
	switch {
	case meet == Invalid:
		meet = wanted
	case wanted.IsFloat() && !meet.IsFloat():
		meet = F32
	case wanted.IsInt() && (meet == Bool || meet == U8):
		meet = wanted
	}
	if n.Op.Promote == PromoteFloat && !meet.IsFloat() && meet != Invalid {
		meet = F32
	}
	if n.Op.Promote != PromoteNone && meet.IsHalf() && slices.ContainsFunc(weak, func(w weakOperand) bool {
		return meets[w.index] && !meet.holds(w.value)
	}) {
		narrow, meet = meet, meet.Wide()
	}
	for _, w := range weak {
		dtype := meet
		if !meets[w.index] {
			dtype = weakDType(w.value)
		}
		if v, ok := w.value.(int); ok && dtype.IsInt() && !dtype.HasInt(int64(v)) {
			return Invalid, Argf(n.Op.operandName(n, w.index), "%d doesn't fit in %s", v, dtype)
		}
		n.Inputs[w.index] = b.Scalar(dtype, w.value)
	}
	if n.Op.Promote == PromoteNone {
		return Invalid, nil
	}
	for i, in := range n.Inputs {
		if !meets[i] {
			continue
		}
		c, err := b.cast(in, meet)
		if err != nil {
			return Invalid, Argf(n.Op.operandName(n, i), "%s would be cast to %s: %s", in.Type, meet, err)
		}
		if c != in {
			c.Why = fmt.Sprintf("the operands of %s meet in %s", n.Op.Name, meet)
		}
		n.Inputs[i] = c
	}
	return narrow, nil
}

// meeting tells which of an op's operands meet in one dtype.
func (op *Op) meeting(operands int) []bool {
	meets := make([]bool, operands)
	if op.Promote == PromoteNone {
		return meets
	}
	i := 0
	for _, p := range op.Params {
		width := 0
		switch p.Kind {
		case KTensor:
			width = 1
		case KTensors, KOptional:
			width = operands - op.fixedOperands()
		}
		for range width {
			meets[i] = !p.Own && (i > 0 || op.Promote != PromoteTail)
			i++
		}
	}
	return meets
}

// holds reports whether a floating dtype has a number exactly as it is written.
// NaN is NaN in all of them.
func (d DType) holds(value any) bool {
	want := 0.0
	switch v := value.(type) {
	case int:
		want = float64(v)
	case float64:
		want = v
	default:
		return true // false and true are 0 and 1
	}
	return want != want || ScalarTensor(d, want).Float(0) == want
}

// weakDType is the dtype of a number that stands alone: as in PyTorch f32 for
// floats; i32 for integers that fit, i64 for others.
func weakDType(v any) DType {
	switch v := v.(type) {
	case bool:
		return Bool
	case float64:
		return F32
	case int:
		if v > math.MaxInt32 || v < math.MinInt32 {
			return I64
		}
		return I32
	}
	return Invalid
}

// OperandName names the parameter that operand i of n was given for.
func (n *Node) OperandName(i int) string { return n.Op.operandName(n, i) }

func (op *Op) operandName(n *Node, i int) string {
	for _, p := range op.Params {
		if !p.Kind.IsTensor() {
			continue
		}
		if from, to := n.Operand(p.Name); i >= from && i < to {
			return p.Name
		}
	}
	return ""
}
