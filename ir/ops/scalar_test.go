package ops_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops"
)

func TestFunctionsOfConstants(t *testing.T) {
	for _, c := range []struct {
		name string
		args []any
		want any
	}{
		{"sqrt", []any{16}, 4.0}, {"floor", []any{3.7}, 3}, {"ceil", []any{3}, 3}, {"round", []any{2.5}, 2}, {"abs", []any{-3}, 3},
		{"floor_divide", []any{-7, 2}, -4}, {"floor_divide", []any{7.0, 2}, 3.0}, {"minimum", []any{1, 2.5}, 1}, {"maximum", []any{1, 2.5}, 2.5}, {"square", []any{-3}, 9},
	} {
		got, err := ir.LookupOp(c.name).Scalar(c.args)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.name)
	}
	for name, arg := range map[string]any{"sqrt": -1, "log": 0, "abs": math.MinInt, "floor": 1e300, "exp": "a", "reciprocal": 0} {
		_, err := ir.LookupOp(name).Scalar([]any{arg})
		require.Error(t, err, name)
	}
	_, err := ops.FloorDivide.Scalar([]any{1, 0})
	require.Error(t, err)
}

func TestOperatorsStandForOps(t *testing.T) {
	require.Equal(t, ops.Sub, ir.LookupOperator("-", 2))
	require.Equal(t, ops.Neg, ir.LookupOperator("-", 1))
	require.Nil(t, ir.LookupOperator("^", 2))
}
