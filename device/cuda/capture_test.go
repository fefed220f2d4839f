package cuda

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
)

func TestACaptureThatDiffersInArgumentsOnlyIsUpdated(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	x, y, z := drivertest.Tensor(t, d, 1), drivertest.Tensor(t, d, 2), drivertest.Tensor(t, d, 3)
	counts := drivertest.Counts(l)
	capture := func(commands ...device.Command) device.Capture {
		r, err := d.Capture(commands)
		require.NoError(t, err)
		return r
	}
	first := capture(drivertest.BindNeg(t, x, y), drivertest.BindNeg(t, y, z))
	require.NoError(t, first.Run())
	first.Free()
	second := capture(drivertest.BindNeg(t, y, x), drivertest.BindNeg(t, x, x))
	require.Equal(t, []int{1, 1}, []int{counts[cuGraphInstantiate.String()], counts[cuGraphExecUpdate.String()]})
	require.NoError(t, second.Run())
	require.Equal(t, drivertest.F32(-1), drivertest.Read(t, x.Slice))
	require.Equal(t, drivertest.F32(1), drivertest.Read(t, z.Slice), "the first ran with its own arguments")
	second.Free()
	third := capture(drivertest.BindNeg(t, x, y))
	require.Equal(t, 2, counts[cuGraphInstantiate.String()], "it has another shape")
	require.NoError(t, third.Run())
	require.Equal(t, drivertest.F32(1), drivertest.Read(t, y.Slice))
	third.Free()
	require.ErrorContains(t, third.Run(), "has been freed")
}

// BenchmarkCapture runs a chain of launches and independent launches, one by one and
// captured, to show what a graph's edges cost and gain.
func BenchmarkCapture(b *testing.B) {
	const count = 64
	d := open(b, loader(b), nil)
	whole := drivertest.Alloc(b, d, count*alignment)
	arg := func(i int) device.Arg {
		return device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Offset: int64(i) * alignment, Bytes: 256}, DType: "f32", Shape: []int{64}}
	}
	var chain, apart []device.Command
	for i := range count {
		chain = append(chain, drivertest.BindNeg(b, arg(0), arg(0)))
		apart = append(apart, drivertest.BindNeg(b, arg(i), arg(i)))
	}
	for name, commands := range map[string][]device.Command{"a chain": chain, "independent": apart} {
		b.Run(name+" captured", func(b *testing.B) {
			r, err := d.Capture(commands)
			require.NoError(b, err)
			for b.Loop() {
				require.NoError(b, r.Run())
			}
			require.NoError(b, d.Sync())
			r.Free()
		})
		b.Run(name+" launched", func(b *testing.B) {
			for b.Loop() {
				for _, c := range commands {
					require.NoError(b, c.Run())
				}
			}
			require.NoError(b, d.Sync())
		})
	}
}
