package place_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
	"github.com/flowrun/flowrun/lower/place"
)

func TestFlopsAreThoseOfTheOpsDefinition(t *testing.T) {
	b := ir.NewBuilder(&ir.Graph{})
	f := func(shape ...int) *ir.Node {
		return b.NewState("", ir.InputState, ir.Type{DType: ir.F32, Shape: shape}).Read
	}
	op := func(name string, args ...any) *ir.Node { return b.Apply(ir.LookupOp(name), args...) }
	for _, c := range []struct {
		node *ir.Node
		want int64
	}{
		{op("matmul", f(3, 5), f(5, 7)), 2 * 3 * 5 * 7},
		{op("matmul", f(2, 3, 5), f(5, 7)), 2 * 2 * 3 * 5 * 7},
		{op("matmul", f(3, 0), f(0, 7)), 0},
		{op("matmul", f(0, 5), f(5, 7)), 0},
		{op("conv2d", f(2, 6, 9, 7), f(4, 3, 3, 2), nil, 2, 1, 1, 2), 2 * 2 * 4 * 5 * 4 * 3 * 3 * 2},
		{op("conv1d", f(2, 3, 5), f(4, 3, 5), f(4)), 2*2*4*3*5 + 2*4}, // and the bias
		{op("conv_transpose1d", f(2, 3, 5), f(3, 4, 2), nil, 3), 2 * 2 * 3 * 5 * 4 * 2},
		{op("convolution_weight", f(2, 3, 5), f(2, 4, 4), []int{1}, []int{0}, []int{1}, 1, []int{2}), 2 * 2 * 3 * 4 * 4 * 2},
		{op("add", f(3, 1), f(1, 4)), 12},
		{op("gelu", f(6)), 6},
		{op("sum", f(4, 5), []int{1}, false), 20},
		{op("mean", f(4, 5), []int{1}, false), 20 + 4}, // and a quotient, or product, for each row
		{op("softmax", f(4, 5), 1), 5 * 20},
		{op("layer_norm", f(4, 5), f(5), f(5), 1e-5), 7 * 20},
		{op("rms_norm", f(4, 5), f(5), 1e-5), 4 * 20},
		{op("reshape", f(4, 5), []int{20}), 0},
		{op("transpose", f(4, 5), 0, 1), 0},
	} {
		require.NoError(t, b.Err())
		require.Equal(t, c.want, place.Flops(c.node), c.node.Call())
	}
}
