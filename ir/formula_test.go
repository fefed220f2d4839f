package ir_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
	"github.com/flowrun/flowrun/ir/ops"
)

func TestSumToUndoesBroadcasting(t *testing.T) {
	for _, shape := range []ir.Shape{{}, {4}, {1}, {3, 4}, {1, 4}, {3, 1}, {1, 1}, {2, 3, 4}, {1, 3, 1}, {2, 1, 1}} {
		b := ir.NewBuilder(&ir.Graph{})
		x := b.Apply(ops.Ones, []int{2, 3, 4})
		y := b.SumTo(x, b.Apply(ops.Zeros, []int(shape)))
		require.NoError(t, b.Err())
		require.True(t, y.Type.Shape.Equal(shape))
		values, err := irtest.Reference([]*ir.Node{y}, nil)
		require.NoError(t, err)
		for _, v := range values[0].F {
			require.Equal(t, float64(24/shape.Numel()), v, shape)
		}
	}
}
