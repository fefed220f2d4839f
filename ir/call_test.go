package ir_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// every is an op with a parameter of each kind.
var every = &ir.Op{
	Name: "every",
	Params: []ir.Param{
		{Name: "x", Kind: ir.KTensor},
		{Name: "list", Kind: ir.KTensors},
		{Name: "int", Kind: ir.KInt},
		{Name: "float", Kind: ir.KFloat, Optional: true, Default: 0.5},
		{Name: "bool", Kind: ir.KBool, Optional: true, Default: false},
		{Name: "number", Kind: ir.KNumber, Optional: true},
		{Name: "string", Kind: ir.KString, Optional: true, Default: "sum", Enum: []string{"sum", "mean"}},
		{Name: "dtype", Kind: ir.KDType, Optional: true},
		{Name: "ints", Kind: ir.KInts, Optional: true},
		{Name: "dims", Kind: ir.KDims, Optional: true},
		{Name: "pairs", Kind: ir.KPairs, Optional: true},
	},
	Infer: func(n *ir.Node) (ir.Type, error) { return n.Inputs[0].Type, nil },
}

func builder() *ir.Builder { return ir.NewBuilder(&ir.Graph{}) }

func of(b *ir.Builder, d ir.DType, shape ...int) *ir.Node {
	return b.NewState(d.String(), ir.InputState, ir.Type{DType: d, Shape: shape}).Read
}

func TestAbsentArgumentsGetTheirDefaults(t *testing.T) {
	b := builder()
	x := of(b, ir.F32, 2)
	n, err := b.Call(every, []any{x, []any{x, x}, 3})
	require.NoError(t, err)
	require.Equal(t, []*ir.Node{x, x, x}, n.Inputs)
	require.Equal(t, []any{3, 0.5, false, nil, "sum", nil, nil, []int(nil), nil}, n.Attrs)
	from, to := n.Operand("list")
	require.Equal(t, [2]int{1, 3}, [2]int{from, to})
	require.Equal(t, "list", n.OperandName(2))
}

func TestArgumentsTakeTheGoTypeOfTheirKind(t *testing.T) {
	b := builder()
	x := of(b, ir.F32, 2)
	n, err := b.Call(every, []any{x, []any{}, 3, 2, true, 7, "mean", "bf16",
		[]any{1, 2}, 5, []any{[]any{0, 1}, []any{2, 3}}})
	require.NoError(t, err)
	require.Equal(t, []any{3, 2.0, true, 7, "mean", ir.BF16, []int{1, 2}, []int{5}, [][2]int{{0, 1}, {2, 3}}}, n.Attrs)
}

func TestWrongArgumentsAreNamed(t *testing.T) {
	b := builder()
	x := of(b, ir.F32, 2)
	good := []any{x, []any{x}, 3, 0.5, true, 7, "sum", ir.F32, []any{1}, []any{1}, []any{}}
	for _, c := range []struct {
		param int
		arg   any
		msg   string
	}{
		{0, nil, "the argument x is missing"},
		{0, "x", `x must be a tensor, got the string "x"`},
		{1, x, "list must be a list of tensors, got f32[2]"},
		{1, []any{x, "y"}, `list must be a tensor, got the string "y"`},
		{2, 1.5, "int must be an int, got the float 1.5"},
		{2, x, "int must be an int, got f32[2]"},
		{3, true, "float must be a float, got the bool true"},
		{4, 1, "bool must be a bool, got the int 1"},
		{5, "1", `number must be a number, got the string "1"`},
		{6, "max", `string must be one of sum, mean, not "max"`},
		{6, 1, "string must be a string, got the int 1"},
		{7, "f8", `unknown dtype "f8"`},
		{8, 1, "ints must be a list of ints, got the int 1"},
		{8, []any{1, 2.5}, "ints must be a list of ints; element 1 is the float 2.5"},
		{9, 2.5, "dims must be an int or list of ints, got the float 2.5"},
		{10, []any{[]any{1}}, "element 0 of pairs must be a pair of ints, got a list of 1 element"},
		{10, []any{[]any{1, "2"}}, `element 0 of pairs must be a pair of ints, got the string "2"`},
	} {
		args := append([]any(nil), good...)
		args[c.param] = c.arg
		_, err := b.Call(every, args)
		require.EqualError(t, err, c.msg)
		var arg *ir.ArgError
		require.True(t, errors.As(err, &arg))
		require.Equal(t, every.Params[c.param].Name, arg.Param)
	}
	_, err := b.Call(every, make([]any, 12))
	require.EqualError(t, err, "takes 11 arguments, got 12")
}

// pair is an op of two operands.
func pair(p ir.Promotion) *ir.Op {
	return &ir.Op{
		Name:    "pair",
		Params:  []ir.Param{{Name: "a", Kind: ir.KTensor}, {Name: "b", Kind: ir.KTensor}},
		Promote: p,
		Infer:   func(n *ir.Node) (ir.Type, error) { return n.Inputs[1].Type, nil },
	}
}

func TestNumbersTakeTheDTypeOfTheTensorsBesideThem(t *testing.T) {
	const none, all, float, tail = ir.PromoteNone, ir.PromoteAll, ir.PromoteFloat, ir.PromoteTail
	for _, c := range []struct {
		promote ir.Promotion
		a, b    any // a dtype stands for a tensor of it
		want    [2]ir.DType
	}{
		{all, ir.F16, 2.5, [2]ir.DType{ir.F16, ir.F16}},
		{all, ir.F16, 2, [2]ir.DType{ir.F16, ir.F16}},
		{all, ir.I64, 2, [2]ir.DType{ir.I64, ir.I64}},
		{all, ir.I64, 2.5, [2]ir.DType{ir.F32, ir.F32}},
		{all, ir.Bool, 2, [2]ir.DType{ir.I32, ir.I32}},
		{all, ir.Bool, true, [2]ir.DType{ir.Bool, ir.Bool}},
		{all, 1, 2.5, [2]ir.DType{ir.F32, ir.F32}},
		{all, 1, 1 << 40, [2]ir.DType{ir.I64, ir.I64}},
		{all, ir.I32, ir.F16, [2]ir.DType{ir.F16, ir.F16}},
		{all, ir.F16, ir.BF16, [2]ir.DType{ir.F32, ir.F32}},
		{float, ir.I32, 2, [2]ir.DType{ir.F32, ir.F32}},
		{float, 1, 2, [2]ir.DType{ir.F32, ir.F32}},
		{float, ir.BF16, ir.I64, [2]ir.DType{ir.BF16, ir.BF16}},
		{tail, ir.Bool, ir.F16, [2]ir.DType{ir.Bool, ir.F16}},
		{tail, true, 2, [2]ir.DType{ir.Bool, ir.I32}},
		{none, ir.F16, 2, [2]ir.DType{ir.F16, ir.I32}},
		{none, ir.F16, ir.I32, [2]ir.DType{ir.F16, ir.I32}},
	} {
		b := builder()
		args := []any{c.a, c.b}
		for i, arg := range args {
			if d, ok := arg.(ir.DType); ok {
				args[i] = of(b, d)
			}
		}
		n, err := b.Call(pair(c.promote), args)
		require.NoError(t, err)
		require.Equal(t, c.want, [2]ir.DType{n.Inputs[0].Type.DType, n.Inputs[1].Type.DType}, "%v with %v", c.a, c.b)
	}
}

func TestANumberThatItsDTypeCannotHoldIsRefused(t *testing.T) {
	b := builder()
	_, err := b.Call(pair(ir.PromoteAll), []any{of(b, ir.I32), 1 << 31})
	require.EqualError(t, err, "2147483648 doesn't fit in i32")
	var arg *ir.ArgError
	require.True(t, errors.As(err, &arg))
	require.Equal(t, "b", arg.Param)
}

func TestApplyKeepsItsFaultsForTheBuildersOwner(t *testing.T) {
	b := builder()
	require.NotNil(t, b.Apply(every))
	require.EqualError(t, b.Err(), "building every: the argument x is missing")
}

func TestCastIsFreeOfFuss(t *testing.T) {
	b := builder()
	x := of(b, ir.F32, 2)
	require.Same(t, x, b.Cast(x, ir.F32))
	require.Equal(t, "f16[2]", b.Cast(x, ir.F16).Type.String())
}
