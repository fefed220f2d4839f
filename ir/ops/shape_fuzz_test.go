package ops_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// FuzzShapes calls ops with operands of hostile types and with hostile
// arguments: a type rule gives a type that a value can have, the same one when
// asked again, or an error; it doesn't panic, and takes no memory for the
// tensors it speaks of.
func FuzzShapes(f *testing.F) {
	names := slices.Sorted(maps.Keys(ir.Ops()))
	for i := range names {
		f.Add([]byte{byte(i), 5, 2, 3, 4, 5, 2, 4, 3, 1, 1, 0, 2})
	}
	f.Add([]byte{0, 6, 3, 9, 9, 9, 6, 3, 10, 10, 10})
	f.Fuzz(func(t *testing.T, data []byte) {
		h := &hostile{data: data, b: ir.NewBuilder(&ir.Graph{})}
		op := ir.Ops()[names[h.next()%len(names)]]
		if op == ir.ConstOp || op == ir.StateOp {
			return // nobody calls them
		}
		var args []any
		for _, p := range op.Params {
			args = append(args, h.argument(p))
		}
		n, err := h.b.Call(op, args)
		if err != nil {
			var at *ir.ArgError
			require.True(t, errors.As(err, &at), "%s: %v", op.Name, err)
			require.NotEmpty(t, at.Msg)
			return
		}
		require.NoError(t, ir.CheckShape(n.Type.DType, n.Type.Shape), op.Name)
		again := *n
		again.Attrs = slices.Clone(n.Attrs)
		typ, err := op.Infer(&again)
		require.NoError(t, err, op.Name)
		require.Equal(t, n.Type, typ, op.Name)
	})
}

// hostile draws operands and arguments from a fuzzer's bytes.
type hostile struct {
	data []byte
	b    *ir.Builder
}

func (h *hostile) next() int {
	if len(h.data) == 0 {
		return 0
	}
	v := h.data[0]
	h.data = h.data[1:]
	return int(v)
}

var hostileInts = []int{0, 1, 2, 3, 4, 5, 7, 64, -1, -2, -9, 1 << 20, 1 << 31, 1<<31 - 1, 1 << 40, math.MaxInt, math.MinInt}

func (h *hostile) int() int { return hostileInts[h.next()%len(hostileInts)] }

func (h *hostile) ints() []any {
	list := make([]any, h.next()%10)
	for i := range list {
		list[i] = h.int()
	}
	return list
}

// tensor is an operand of any type that a value can have.
func (h *hostile) tensor() any {
	switch k := h.next(); {
	case k%11 == 10:
		return h.int()
	case k%11 == 9:
		return math.Inf(1)
	default:
		t := ir.Type{DType: ir.DType(1 + k%7), Shape: ir.Shape{}}
		for range h.next() % (ir.MaxRank + 1) {
			t.Shape = append(t.Shape, max(h.int(), 0))
		}
		if ir.CheckShape(t.DType, t.Shape) != nil {
			t.Shape = ir.Shape{3, 4}
		}
		return h.b.NewState("s", ir.InputState, t).Read
	}
}

func (h *hostile) argument(p ir.Param) any {
	if p.Optional && h.next()%3 == 0 {
		return nil
	}
	switch p.Kind {
	case ir.KTensor, ir.KOptional:
		return h.tensor()
	case ir.KTensors:
		list := make([]any, h.next()%5)
		for i := range list {
			list[i] = h.tensor()
		}
		return list
	case ir.KInt:
		return h.int()
	case ir.KFloat:
		return float64(h.int()) / 3
	case ir.KBool:
		return h.next()%2 == 1
	case ir.KNumber:
		return []any{h.int(), math.NaN(), math.Inf(-1), true, 0.5}[h.next()%5]
	case ir.KString:
		return "x"
	case ir.KDType:
		return ir.DType(1 + h.next()%7)
	case ir.KInts, ir.KDims:
		return h.ints()
	case ir.KPairs:
		list := make([]any, h.next()%10)
		for i := range list {
			list[i] = []any{h.int(), h.int()}
		}
		return list
	}
	return nil
}
