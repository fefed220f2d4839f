package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// convolutionCase is a convolution with its gradients: x [batch, in, size, size].
type convolutionCase struct {
	batch, in, out, size, taps, stride, padding, groups int
}

// calls gives the three kernels' outputs and inputs.
func (c convolutionCase) calls(t testing.TB) (names []string, outs []Buffer, inputs [][]Buffer, scalars []any) {
	y := (c.size+2*c.padding-c.taps)/c.stride + 1
	buffer := func(shape ...int) Buffer { return guardedBuffer[float32](t, "f32", shape...) }
	xs, ws, ys := []int{c.batch, c.in, c.size, c.size}, []int{c.out, c.in / c.groups, c.taps, c.taps}, []int{c.batch, c.out, y, y}
	x, w, g := buffer(xs...), buffer(ws...), buffer(ys...)
	for n, b := range []Buffer{x, w, g} {
		for i := range view[float32](b) {
			view[float32](b)[i] = float32((i*7+n)%11-5) / 4
		}
	}
	return []string{"convolution", "convolution_input", "convolution_weight"}, []Buffer{buffer(ys...), buffer(xs...), buffer(ws...)},
		[][]Buffer{{x, w}, {g, w}, {x, g}},
		[]any{[]int{c.stride, c.stride}, []int{c.padding, c.padding}, []int{1, 1}, c.groups, nil}
}

func TestConvolutionsGiveTheSameBitsForAnyNumberOfThreads(t *testing.T) {
	for _, c := range []convolutionCase{
		{batch: 3, in: 5, out: 7, size: 9, taps: 3, stride: 1, padding: 1, groups: 1},
		{batch: 2, in: 6, out: 8, size: 11, taps: 3, stride: 2, padding: 1, groups: 2},
		{batch: 2, in: 40, out: 30, size: 7, taps: 1, stride: 1, groups: 1},
		{batch: 2, in: 40, out: 30, size: 8, taps: 1, stride: 2, groups: 5},
		{batch: 2, in: 12, out: 12, size: 10, taps: 3, stride: 1, padding: 1, groups: 12},
	} {
		names, outs, inputs, scalars := c.calls(t)
		for i, name := range names {
			scalars[4] = outs[i].Shape[2:]
			run := func() []float32 {
				clear(outs[i].Data)
				bound(t, name, outs[i], scalars, inputs[i]...)()
				return append([]float32(nil), view[float32](outs[i])...)
			}
			want := run()
			for _, n := range []int{1, 2, 3, 7} {
				withThreads(t, n)
				require.Equal(t, want, run(), "%s of %+v with %d threads", name, c, n)
			}
		}
	}
}
