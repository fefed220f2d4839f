package drivertest

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
)

func memoryIsAccountedFor(t *testing.T, d Driver) {
	dev := d.open(t)
	require.Equal(t, d.Kind, dev.Info().Kind)
	require.Equal(t, dev.Name(), dev.Info().Name)
	require.True(t, dev.Info().Async)
	require.Equal(t, device.Budget{Limit: dev.Info().Memory}, dev.Usage())
	a, empty := Alloc(t, dev, 100), Alloc(t, dev, 0)
	require.Equal(t, int64(100), a.Buffer.Bytes())
	require.Zero(t, empty.Buffer.Bytes())
	require.Same(t, dev, a.Buffer.Device())
	require.Equal(t, device.Budget{Limit: dev.Info().Memory, InUse: 100, Peak: 100, Live: 2}, dev.Usage())
	for _, b := range []device.Buffer{a.Buffer, empty.Buffer} {
		require.NoError(t, b.Free())
		require.NoError(t, b.Free(), "a second time")
	}
	require.Equal(t, device.Budget{Limit: dev.Info().Memory, Peak: 100}, dev.Usage())
}

func outOfMemory(t *testing.T, d Driver) {
	l := d.start(t)
	dev := openOn(t, l, nil)
	for _, bytes := range []int64{math.MaxInt64, math.MaxInt64 - 10, 1 << 60} {
		_, err := dev.Alloc(bytes)
		require.ErrorContains(t, err, "device "+dev.Name()+": out of memory")
	}
	for _, bytes := range []int64{-1, math.MinInt64} {
		_, err := dev.Alloc(bytes)
		require.ErrorContains(t, err, "a buffer can't have -")
	}
	if all := dev.Info().Memory; all > 0 {
		a := Alloc(t, dev, 1)
		_, err := dev.Alloc(all)
		require.ErrorContains(t, err, "out of memory", "all of it, and a byte is in use")
		require.NoError(t, a.Buffer.Free())
	}
	var first device.Buffer
	calls, err := callsOf(l, func() (err error) {
		first, err = dev.Alloc(100)
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, calls)
	require.NoError(t, first.Free())
	for _, call := range calls {
		failing(l, call)
		_, err = dev.Alloc(100)
		require.ErrorContains(t, err, "device "+dev.Name()+": ")
		require.ErrorContains(t, err, call+": ")
		require.ErrorContains(t, err, d.Failure)
	}
	require.ErrorContains(t, err, "100 bytes requested", "at %s, the last of %v", calls[len(calls)-1], calls)
	l.Fault(nil)
	require.Zero(t, dev.Usage().InUse)
	require.Zero(t, dev.Usage().Live)
	Alloc(t, dev, 100)
}

func foreignMemory(t *testing.T, d Driver) {
	l := d.start(t)
	dev, second := openOn(t, l, nil), openOn(t, l, nil)
	ForeignMemory(t, dev, cpu.New("cpu"), second)
}

// ForeignMemory tests that a device refuses other devices' memory. It also works for
// devices without a queue.
func ForeignMemory(t testing.TB, dev device.Device, others ...device.Device) {
	t.Helper()
	for _, foreign := range others {
		own, other := Tensor(t, dev, 1), Tensor(t, foreign, 1)
		for name, bind := range map[string]func() (device.Command, error){
			"a launch that reads it":  func() (device.Command, error) { return dev.Bind(Neg(t, other, own)) },
			"a launch that writes it": func() (device.Command, error) { return dev.Bind(Neg(t, own, other)) },
			"a copy from the host":    func() (device.Command, error) { return dev.BindFromHost(other.Slice, make([]byte, 4)) },
			"a copy to the host":      func() (device.Command, error) { return dev.BindToHost(make([]byte, 4), other.Slice) },
			"a copy out of it":        func() (device.Command, error) { return dev.BindWithin(own.Slice, other.Slice) },
			"a copy into it":          func() (device.Command, error) { return dev.BindWithin(other.Slice, own.Slice) },
		} {
			_, err := bind()
			require.ErrorContains(t, err, dev.Name()+" was handed memory of "+foreign.Name(), name)
		}
	}
}

func freedMemory(t *testing.T, d Driver) {
	for freed := range 2 {
		dev := d.open(t)
		args := []device.Arg{Tensor(t, dev, 1), Tensor(t, dev, 1)}
		run := BindNeg(t, args[0], args[1])
		within, err := dev.BindWithin(args[1].Slice, args[0].Slice)
		require.NoError(t, err)
		up, err := dev.BindFromHost(args[freed].Slice, make([]byte, 4))
		require.NoError(t, err)
		down, err := dev.BindToHost(make([]byte, 4), args[freed].Slice)
		require.NoError(t, err)
		users := []device.Command{run, within, up, down}
		capture, captures := makeCapture(t, dev, run, within)
		if captures {
			users = append(users, capture)
		}
		for _, c := range users {
			require.NoError(t, c.Run())
		}
		require.NoError(t, run.Run())
		require.NoError(t, args[freed].Slice.Buffer.Free(), "while work on it is queued")
		require.EqualError(t, run.Run(), "device "+dev.Name()+": kernel neg uses memory that has been freed")
		for _, c := range users {
			require.ErrorContains(t, c.Run(), "uses memory that has been freed")
		}
		for name, bind := range map[string]func() (device.Command, error){
			"a launch":             func() (device.Command, error) { return dev.Bind(Neg(t, args[0], args[1])) },
			"a copy from the host": func() (device.Command, error) { return dev.BindFromHost(args[freed].Slice, make([]byte, 4)) },
			"a copy to the host":   func() (device.Command, error) { return dev.BindToHost(make([]byte, 4), args[freed].Slice) },
			"a copy within":        func() (device.Command, error) { return dev.BindWithin(args[0].Slice, args[1].Slice) },
		} {
			_, err := bind()
			require.ErrorContains(t, err, "has been freed", name)
		}
		if captures {
			_, err := dev.(device.Capturer).Capture([]device.Command{run})
			require.ErrorContains(t, err, "has been freed")
		}
		require.NoError(t, dev.Sync())
		require.Equal(t, 1, dev.Usage().Live)
		require.NoError(t, args[1-freed].Slice.Buffer.Free())
	}
}

func sharedMemory(t *testing.T, d Driver) {
	dev := d.open(t)
	SharedMemory(t, dev)
	shared, ok := Alloc(t, dev, 4).Buffer.(device.SharedBuffer)
	require.NoError(t, dev.Close())
	if ok {
		require.Nil(t, shared.Shared(), "it went with its device")
	}
}

// SharedMemory compares Info.Unified with a device's buffers, and uses shared memory from
// both sides. It also works for simulated devices.
func SharedMemory(t testing.TB, dev device.Device) {
	t.Helper()
	x := Tensor(t, dev, 1, -2, 3)
	_, host := x.Slice.Buffer.(device.HostBuffer)
	require.False(t, host, "the host may not use a device's memory at any time")
	shared, ok := x.Slice.Buffer.(device.SharedBuffer)
	if !dev.Info().Unified {
		require.False(t, ok && shared.Shared() != nil, "the device says that it has memory of its own")
		return
	}
	require.True(t, ok, "the device says that it shares the host's memory")
	out := Tensor(t, dev, 0, 0, 0)
	result := out.Slice.Buffer.(device.SharedBuffer)
	require.Len(t, result.Shared(), 12)
	run := BindNeg(t, x, out)
	for _, values := range [][]float32{{4, 5, -6}, {-7, 8, 9}} {
		require.NoError(t, dev.Sync())
		copy(shared.Shared(), F32(values...))
		require.NoError(t, run.Run())
		require.NoError(t, dev.Sync())
		require.Equal(t, F32(-values[0], -values[1], -values[2]), result.Shared(), "written by a kernel, read by the host")
	}
	Write(t, x.Slice, F32(1, 1, 1))
	require.NoError(t, dev.Sync())
	require.Equal(t, F32(1, 1, 1), shared.Shared(), "written by a copy")
	require.Equal(t, F32(7, -8, -9), Read(t, out.Slice))
	require.Empty(t, Alloc(t, dev, 0).Buffer.(device.SharedBuffer).Shared())
	require.NoError(t, run.Run())
	require.NoError(t, x.Slice.Buffer.Free())
	require.Nil(t, shared.Shared(), "it has been freed")
}
