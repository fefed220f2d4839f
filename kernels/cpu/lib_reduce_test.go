package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows that are shorter than what parts compute at a time, and that follow one another or
// lie apart; run again, as the inputs change between runs.
func TestFusedReductionsHaveTheBitsOfTheirKernelsOneByOne(t *testing.T) {
	for _, c := range []struct{ shape, dims, left []int }{
		{[]int{900, 3}, []int{1}, []int{900}},
		{[]int{900, 3}, []int{0}, []int{3}},
		{[]int{3, 900}, []int{0}, []int{900}},
		{[]int{3, 900}, []int{1}, []int{3}},
		{[]int{7, 50, 9}, []int{0, 2}, []int{50}},
		{[]int{7, 50, 9}, []int{1}, []int{7, 9}},
		{[]int{500}, []int{0}, nil}, // all at a time
		{[]int{2500}, []int{0}, nil},
		{[]int{2500, 1}, []int{1}, []int{2500}},
	} {
		x, row, difference, squares := f32s(c.shape...), f32s(c.shape[len(c.shape)-1]), f32s(c.shape...), f32s(c.shape...)
		out, want := f32s(c.left...), f32s(c.left...)
		fused, err := (&Fused{Inputs: []Buffer{x, row}, Output: out, Reduced: c.shape, Parts: []Part{
			{Kernel: "sub", Operands: []Operand{{Index: 0}, {Index: 1}}, DType: "f32"},
			{Kernel: "square", Operands: []Operand{{Index: 0, Part: true}}, DType: "f32"},
			{Kernel: "sum", Operands: []Operand{{Index: 1, Part: true}}, DType: "f32", Scalars: []any{c.dims}},
		}}).Bind()
		require.NoError(t, err)
		apart := []func(){bound(t, "sub", difference, nil, x, row), bound(t, "square", squares, nil, difference), bound(t, "sum", want, []any{c.dims}, squares)}
		for run := range 3 {
			for n, b := range []Buffer{x, row} {
				for i := range view[float32](b) {
					view[float32](b)[i] = float32((i*(37+20*n)+n*5+run)%101) / 7 * float32(run+1)
				}
			}
			for _, part := range apart {
				part()
			}
			fused()
			require.Equal(t, view[float32](want), view[float32](out), "%v over %v, run %d", c.shape, c.dims, run)
		}
		require.Zero(t, testing.AllocsPerRun(5, fused))
	}
}
