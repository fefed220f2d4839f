package cuda

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
)

// two opens two GPUs; the same one twice if there is only one.
func two(t *testing.T, l *library) (a, b *Device) {
	devices, _ := l.discover()
	return openNumber(t, l, 0, nil), openNumber(t, l, min(1, len(devices)-1), nil)
}

func TestGPUsCopyWithoutTheHost(t *testing.T) {
	l := loader(t)
	a, b := two(t, l)
	x, y := drivertest.Tensor(t, a, 0), drivertest.Tensor(t, b, 0)
	there, err := device.BindCopy(y.Slice, x.Slice)
	require.NoError(t, err)
	back, err := device.BindCopy(x.Slice, y.Slice)
	require.NoError(t, err)
	atA, atB := drivertest.BindNeg(t, x, x), drivertest.BindNeg(t, y, y)
	drivertest.Write(t, x.Slice, drivertest.F32(5))
	require.NoError(t, a.Sync())
	counts := drivertest.Counts(l)
	const rounds = 25
	for range rounds {
		for _, c := range []device.Command{atA, there, atB, back} {
			require.NoError(t, c.Run())
		}
	}
	require.Zero(t, counts[cuStreamSynchronize.String()], "the host doesn't wait")
	require.Equal(t, 2*rounds, counts[cuMemcpyPeerAsync.String()])
	require.Equal(t, drivertest.F32(5), drivertest.Read(t, x.Slice), "an even number of signs")
	require.Equal(t, drivertest.F32(5), drivertest.Read(t, y.Slice))
}

func TestNoGPUIsItsOwnPeer(t *testing.T) {
	l := loader(t)
	d, second := open(t, l, nil), open(t, l, nil)
	x, y := drivertest.Tensor(t, d, 1), drivertest.Tensor(t, second, 1)
	for _, to := range []device.Arg{x, y} {
		c, err := d.BindFromPeer(to.Slice, x.Slice)
		require.NoError(t, err)
		require.Nil(t, c)
	}
}

func TestOppositeCopiesDontDeadlock(t *testing.T) {
	l := loader(t)
	a, b := two(t, l)
	x, y := drivertest.Tensor(t, a, 1), drivertest.Tensor(t, b, 2)
	var group sync.WaitGroup
	for _, pair := range [][2]device.Arg{{x, y}, {y, x}} {
		move, err := device.BindCopy(pair[0].Slice, pair[1].Slice)
		require.NoError(t, err)
		group.Go(func() {
			for range 100 {
				if err := move.Run(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, drivertest.Read(t, x.Slice), drivertest.Read(t, y.Slice))
}

func TestAPeerCopysFailureIsItsOwn(t *testing.T) {
	l := loader(t)
	a, b := two(t, l)
	x, y := drivertest.Tensor(t, a, 1), drivertest.Tensor(t, b, 2)
	move, err := device.BindCopy(y.Slice, x.Slice)
	require.NoError(t, err)
	failing := 0
	calls := drivertest.Counts(l)
	require.NoError(t, move.Run())
	for _, n := range calls {
		failing += n
	}
	require.Greater(t, failing, 6)
	for n := range failing {
		var at string
		l.Fault(func(call string) bool {
			n--
			if n == -1 {
				at = call
			}
			return n == -1
		})
		err := move.Run()
		require.ErrorContains(t, err, "a copy from cuda:0: "+at+": CUDA_ERROR_UNKNOWN (999)")
		require.NotErrorAs(t, err, new(*device.Late))
	}
	require.NoError(t, a.Sync())
	l.fail(unknown, cuMemcpyPeerAsync, cuStreamSynchronize)
	require.ErrorAs(t, move.Run(), new(*device.Late))
	l.fault = nil
	require.NoError(t, x.Slice.Buffer.Free())
	require.ErrorContains(t, move.Run(), "uses memory that has been freed")
}
