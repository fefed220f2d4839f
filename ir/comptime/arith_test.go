package comptime_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir/comptime"
)

func TestIntegersAreExact(t *testing.T) {
	const huge = math.MaxInt
	for _, c := range []struct {
		op         string
		x, y, want any
	}{
		{"+", 2, 3, 5}, {"+", 2, 3.0, 5.0}, {"-", math.MinInt, -1, math.MinInt + 1},
		{"*", huge, 1, huge}, {"*", math.MinInt, 1, math.MinInt}, {"*", -1 << 32, 1 << 31, math.MinInt},
		{"/", 6, 3, 2}, {"/", 7, 2, 3.5}, {"/", -6, 4, -1.5},
		{"%", 7, 3, 1}, {"%", -7, 3, 2}, {"%", 7, -3, -2}, {"%", math.MinInt, -1, 0}, {"%", -7.5, 2.0, 0.5},
		{"**", 2, 62, 1 << 62}, {"**", -2, 63, math.MinInt}, {"**", 0, 0, 1}, {"**", -1, huge, -1}, {"**", 2, -1, 0.5}, {"**", 2.0, 3, 8.0},
		{"<", 1, 1.5, true}, {"==", 1, 1.0, true}, {"!=", "a", "b", true}, {"==", true, true, true}, {"and", true, false, false}, {"or", true, false, true},
	} {
		got, err := comptime.Apply(c.op, c.x, c.y)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%v %s %v", c.x, c.op, c.y)
	}
	for _, c := range []struct {
		op   string
		x, y any
		rule diag.Rule
	}{
		{"+", huge, 1, diag.IntegerOverflow}, {"-", math.MinInt, 1, diag.IntegerOverflow}, {"+", math.MinInt, -1, diag.IntegerOverflow},
		{"*", math.MinInt, -1, diag.IntegerOverflow}, {"*", 1 << 32, 1 << 31, diag.IntegerOverflow},
		{"/", math.MinInt, -1, diag.IntegerOverflow}, {"**", 2, 63, diag.IntegerOverflow}, {"**", 3, huge, diag.IntegerOverflow},
		{"/", 1, 0, diag.InvalidOperation}, {"%", 1, 0, diag.InvalidOperation}, {"/", 1.0, 0, diag.InvalidOperation},
		{"*", 1e300, 1e300, diag.InvalidOperation}, {"+", 1, "a", diag.InvalidOperation}, {"<", "a", "b", diag.InvalidOperation},
		{"and", 1, true, diag.InvalidOperation}, {"+", true, true, diag.InvalidOperation}, {"**", 0, -1, diag.InvalidOperation},
	} {
		_, err := comptime.Apply(c.op, c.x, c.y)
		var f *comptime.Fault
		require.ErrorAs(t, err, &f, "%v %s %v", c.x, c.op, c.y)
		require.Equal(t, c.rule, f.Rule)
	}
	_, err := comptime.Negate("-", math.MinInt)
	require.Error(t, err)
}

func TestListsAreJoinedWithPlus(t *testing.T) {
	got, err := comptime.Apply("+", []any{1, 2}, []any{3})
	require.NoError(t, err)
	require.Equal(t, []any{1, 2, 3}, got)
	_, err = comptime.Apply("+", []any{1}, 2)
	require.Error(t, err)
	_, err = comptime.Apply("-", []any{1}, []any{1})
	require.Error(t, err)
}
