package cpu

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// packing are kernels that pack their operands, with what they are to give.
func packing(t *testing.T, count int) (runs []func(), outs []Buffer, want [][]float32) {
	for i := range count {
		m := 60 + 10*i
		a, b, out := f32s(90, m), f32s(50+i, 90), f32s(m, 50+i) // both transposed
		run := bound(t, "matmul", out, []any{true, true}, a, b)
		run()
		runs, outs, want = append(runs, run), append(outs, out), append(want, append([]float32(nil), view[float32](out)...))
		clear(out.Data)
	}
	c := convolutionCase{batch: 2, in: 9, out: 11, size: 12, taps: 3, stride: 1, padding: 1, groups: 1}
	names, convolved, inputs, scalars := c.calls(t)
	for i, name := range names {
		scalars[4] = convolved[i].Shape[2:]
		run := bound(t, name, convolved[i], scalars, inputs[i]...)
		run()
		runs, outs, want = append(runs, run), append(outs, convolved[i]), append(want, append([]float32(nil), view[float32](convolved[i])...))
		clear(convolved[i].Data)
	}
	return runs, outs, want
}

func TestKernelsShareScratchMemory(t *testing.T) {
	withThreads(t, 1)
	before := len(scratch.free)
	runs, _, _ := packing(t, 10)
	for _, run := range runs {
		run()
	}
	require.LessOrEqual(t, len(scratch.free), max(before, 1))
}

func TestKernelsSideBySideDontShareScratchMemory(t *testing.T) {
	withThreads(t, 2)
	runs, outs, want := packing(t, 6)
	var all sync.WaitGroup
	for _, run := range runs {
		all.Go(func() {
			for range 20 {
				run()
			}
		})
	}
	all.Wait()
	for i, out := range outs {
		require.Equal(t, want[i], view[float32](out), i)
	}
}
