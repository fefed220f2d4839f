package ops_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
)

// Sums of dimensions that would come to something small if they wrapped around.
func TestShapesThatWouldWrapAroundAreRefused(t *testing.T) {
	bools := func(b *ir.Builder, shape ...int) *ir.Node {
		return b.NewState(fmt.Sprint(len(b.Graph.States)), ir.InputState, ir.Type{DType: ir.Bool, Shape: shape}).Read
	}
	for name, build := range map[string]func(b *ir.Builder) (*ir.Node, error){
		"pad": func(b *ir.Builder) (*ir.Node, error) {
			return b.Call(ir.LookupOp("pad"), []any{bools(b, 4), [][2]int{{math.MaxInt, math.MaxInt}}})
		},
		"conv1d": func(b *ir.Builder) (*ir.Node, error) {
			return b.Call(ir.LookupOp("conv1d"), []any{bools(b, 1, 3), bools(b, 1, 1, 2), nil, 1, math.MaxInt32})
		},
		"conv1d, dilated": func(b *ir.Builder) (*ir.Node, error) {
			return b.Call(ir.LookupOp("conv1d"), []any{bools(b, 1, 3), bools(b, 1, 1, 1<<33), nil, 1, 0, math.MaxInt32})
		},
		"conv_transpose1d": func(b *ir.Builder) (*ir.Node, error) {
			return b.Call(ir.LookupOp("conv_transpose1d"), []any{bools(b, 1, 1<<40), bools(b, 1, 1, 2), nil, math.MaxInt32})
		},
		"concat": func(b *ir.Builder) (*ir.Node, error) {
			x := bools(b, 1<<62)
			return b.Call(ir.LookupOp("concat"), []any{[]any{x, x, x, x, bools(b, 3)}})
		},
		"reshape": func(b *ir.Builder) (*ir.Node, error) {
			return b.Call(ir.LookupOp("reshape"), []any{bools(b, 0), []int{1 << 32, 1 << 32}})
		},
		"flatten": func(b *ir.Builder) (*ir.Node, error) {
			x := bools(b, 1<<32, 1<<32, 0)
			n, err := b.Call(ir.LookupOp("flatten"), []any{x, 0, 1})
			if err == nil && n.Type.Shape[0] < 1<<32 {
				return n, nil
			}
			return n, fmt.Errorf("too large, or as large as it can be")
		},
	} {
		_, err := build(ir.NewBuilder(&ir.Graph{}))
		require.Error(t, err, name)
	}
}

func TestALongStepTakesTheFirstElement(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	x := b.NewState("x", ir.InputState, ir.Type{DType: ir.F32, Shape: ir.Shape{5}}).Read
	for _, step := range []int{5, 6, math.MaxInt - 1, math.MaxInt} {
		n, err := b.Call(ir.LookupOp("slice"), []any{x, 0, 1, 5, step})
		require.NoError(t, err)
		require.Equal(t, ir.Shape{1}, n.Type.Shape)
		require.NotNil(t, n.Op.Grad(b, n, n)[0])
		require.NoError(t, b.Err(), "its gradient, with step %d", step)
	}
}
