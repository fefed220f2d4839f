package irtest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
	"github.com/flowrun/flowrun/ir/ops"
)

func TestReferenceAsksForEachLeafOnce(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	x := b.NewState("x", ir.ParamState, ir.Scalar(ir.F32)).Read
	step := b.NewState("step", ir.CounterState, ir.Scalar(ir.I64)).Read
	batch := b.Apply(ir.SourceOp, step, "file", "x", ir.F32, []int{2})
	y := b.Apply(ops.Mul, b.Apply(ops.Add, x, batch), x)
	require.NoError(t, b.Err())

	asked := map[*ir.Node]int{}
	values, err := irtest.Reference([]*ir.Node{y, x}, func(n *ir.Node) (*ir.Array, error) {
		asked[n]++
		switch n {
		case x:
			return floats(ir.F32, ir.Shape{}, 3), nil
		case batch:
			return floats(ir.F32, ir.Shape{2}, 10, 20), nil
		}
		return ir.NewArray(n.Type), nil
	})
	require.NoError(t, err)
	require.Equal(t, []float64{39, 69}, values[0].F)
	require.Equal(t, []float64{3}, values[1].F)
	require.Equal(t, map[*ir.Node]int{x: 1, step: 1, batch: 1}, asked)
}

func TestReferenceRefusesWhatHasNoValue(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	x := b.NewState("x", ir.ParamState, ir.Scalar(ir.F32)).Read
	wrong := errors.New("no such state")

	_, err := irtest.Reference([]*ir.Node{x}, func(*ir.Node) (*ir.Array, error) { return nil, wrong })
	require.ErrorIs(t, err, wrong)

	_, err = irtest.Reference([]*ir.Node{x}, func(*ir.Node) (*ir.Array, error) { return floats(ir.F64, ir.Shape{}, 1), nil })
	require.EqualError(t, err, "irtest: x is f32[], but was given f64[]")

	g := b.Apply(ir.GradOp, b.Apply(ops.Square, x), x)
	_, err = irtest.Reference([]*ir.Node{g}, func(*ir.Node) (*ir.Array, error) { return floats(ir.F32, ir.Shape{}, 1), nil })
	require.EqualError(t, err, "irtest: grad#2: grad has no value of its own; expand it first")
}

func TestReferenceGoesAsDeepAsAGraphDoes(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	one := b.Scalar(ir.I64, 1)
	x := one
	for range 100_000 {
		x = b.Apply(ops.Add, x, one)
	}
	values, err := irtest.Reference([]*ir.Node{x}, nil)
	require.NoError(t, err)
	require.Equal(t, []int64{100_001}, values[0].I)
}

func floats(d ir.DType, shape ir.Shape, values ...float64) *ir.Array {
	return &ir.Array{Type: ir.Type{DType: d, Shape: shape}, F: values}
}
