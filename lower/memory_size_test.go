package lower

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// Values whose sizes add up to a multiple of 2^64 and a little less or more than
// that, kept and transient ones: a sum that wraps around is small.
func TestTooMuchMemoryIsRejected(t *testing.T) {
	for _, c := range []struct{ count, elements int }{
		{8, 1 << 59}, {16, 1 << 58}, {4, 1 << 60}, {2, 1 << 60}, {9, 1 << 59}, {33, 1 << 57}, {1, 1<<61 - 1}, {3, 1<<61 - 1},
	} {
		for _, kept := range []bool{false, true} {
			t.Run(fmt.Sprint(c.count, " of ", c.elements, " ", kept), func(t *testing.T) {
				b := newProgram()
				var all []any
				for i := range c.count {
					if kept {
						all = append(all, b.param(fmt.Sprint("w", i), c.elements).Read)
					} else {
						all = append(all, b.op("normal", 0.0, 1.0, []any{c.elements}, "f32", b.step.Read, i))
					}
				}
				total := b.op("sum", all[0])
				for _, x := range all[1:] {
					total = b.op("add", total, b.op("sum", x))
				}
				for i, x := range all { // all are alive until the total is there
					b.output(fmt.Sprint("y", i), b.op("sum", b.op("cos", b.op("mul", x, total))))
				}
				o := options(t, 0)
				o.Targets = o.Targets[:1]
				require.NoError(t, b.Err())
				_, err := Lower(b.Graph, o)
				var e *Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, "out-of-memory", e.Rule)
				require.Contains(t, e.Msg, "2^63 bytes on cpu")
			})
		}
	}
}

func TestCostsSaturate(t *testing.T) {
	b := newProgram()
	x := b.op("normal", 0.0, 1.0, []any{1 << 30, 1 << 30}, "f32", b.step.Read, 1)
	require.Equal(t, int64(endless), place.Flops(b.op("matmul", x, x)))
	require.Equal(t, int64(endless), place.Align(endless-3, 64))
	require.Equal(t, int64(128), place.Align(65, 64))
	require.Equal(t, int64(endless), (&Plan{Spaces: []Space{{Kept: endless - 1, Arena: 5}, {Kept: 7}}}).PeakBytes())
	require.Equal(t, 0, ir.Shape{1 << 40, 1 << 40, 0}.Numel())
}
