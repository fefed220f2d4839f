package sim_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/kernels"
)

func kernel(t testing.TB, name string) *kernels.Kernel {
	t.Helper()
	m, err := kernels.Load()
	require.NoError(t, err)
	return m.Kernel(name)
}

func f32(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// tensor allocates an f32 vector; without values it is left as it is.
func tensor(t testing.TB, d device.Device, n int, values ...float32) device.Arg {
	t.Helper()
	b, err := d.Alloc(int64(4 * n))
	require.NoError(t, err)
	arg := device.Arg{Slice: device.Slice{Buffer: b, Bytes: int64(4 * n)}, DType: "f32", Shape: []int{n}}
	if values != nil {
		up, err := d.BindFromHost(arg.Slice, f32(values...))
		require.NoError(t, err)
		require.NoError(t, up.Run())
	}
	return arg
}

func read(t testing.TB, a device.Arg) []byte {
	t.Helper()
	out := make([]byte, a.Slice.Bytes)
	down, err := a.Slice.Buffer.Device().BindToHost(out, a.Slice)
	require.NoError(t, err)
	require.NoError(t, down.Run())
	return out
}

func bindNeg(t testing.TB, d device.Device, x, out device.Arg) device.Command {
	t.Helper()
	run, err := d.Bind(&device.Call{Kernel: kernel(t, "neg"), Buffers: []device.Arg{x, out}})
	require.NoError(t, err)
	return run
}

func TestKernelsRunInTheDevicesOwnMemory(t *testing.T) {
	d := sim.New("sim:0", sim.Options{})
	x, out := tensor(t, d, 2, 1, -2), tensor(t, d, 2)
	require.NoError(t, bindNeg(t, d, x, out).Run())
	require.Equal(t, f32(-1, 2), read(t, out))
	require.Equal(t, "sim", d.Info().Kind)
	require.NoError(t, d.Sync())
}

func TestBuffersAreTheHostsOnlyWhereAskedFor(t *testing.T) {
	hidden := tensor(t, sim.New("a", sim.Options{}), 1, 5)
	require.Nil(t, hidden.Slice.Host())
	visible := tensor(t, sim.New("b", sim.Options{HostVisible: true}), 1, 5)
	require.Equal(t, f32(5), visible.Slice.Host())
	require.NoError(t, visible.Slice.Buffer.Free())
	require.Nil(t, visible.Slice.Host())
}

func TestEveryCallRefusesForeignMemory(t *testing.T) {
	for _, foreign := range []device.Device{cpu.New("cpu"), sim.New("sim:1", sim.Options{})} {
		d := sim.New("sim:0", sim.Options{})
		own, other := tensor(t, d, 1, 1), tensor(t, foreign, 1, 1)
		refused := func(err error) {
			t.Helper()
			require.ErrorContains(t, err, "sim:0 was handed memory of "+foreign.Name())
		}
		_, err := d.Bind(&device.Call{Kernel: kernel(t, "neg"), Buffers: []device.Arg{other, own}})
		refused(err)
		_, err = d.Bind(&device.Call{Kernel: kernel(t, "neg"), Buffers: []device.Arg{own, other}})
		refused(err)
		_, err = d.BindFromHost(other.Slice, make([]byte, 4))
		refused(err)
		_, err = d.BindToHost(make([]byte, 4), other.Slice)
		refused(err)
		_, err = d.BindWithin(own.Slice, other.Slice)
		refused(err)
		_, err = d.BindWithin(other.Slice, own.Slice)
		refused(err)
	}
}

func TestCopiesGoBetweenAnyTwoDevices(t *testing.T) {
	devices := []device.Device{cpu.New("cpu"), sim.New("sim:0", sim.Options{}), sim.New("sim:1", sim.Options{}), sim.New("sim:2", sim.Options{HostVisible: true})}
	for _, from := range devices {
		for _, to := range devices {
			src, dst := tensor(t, from, 2, 3, 4), tensor(t, to, 2)
			move, err := device.BindCopy(dst.Slice, src.Slice)
			require.NoError(t, err)
			require.NoError(t, move.Run())
			require.Equal(t, f32(3, 4), read(t, dst), "%s → %s", from.Name(), to.Name())
		}
	}
}

func TestMemoryThatWasNeverWrittenIsNaNInEveryFloatingType(t *testing.T) {
	d := sim.New("sim:0", sim.Options{HostVisible: true})
	fresh := tensor(t, d, 4)
	require.Equal(t, bytes.Repeat([]byte{0xff}, 16), read(t, fresh))
	require.True(t, math.IsNaN(float64(math.Float32frombits(math.MaxUint32))))
	require.True(t, math.IsNaN(math.Float64frombits(math.MaxUint64)))

	written := tensor(t, d, 1, 5)
	memory := written.Slice.Host()
	require.NoError(t, written.Slice.Buffer.Free())
	require.Equal(t, []byte{0xff, 0xff, 0xff, 0xff}, memory, "and so is freed memory")
}

func TestUsingFreedMemoryIsAnError(t *testing.T) {
	d := sim.New("sim:0", sim.Options{})
	for freed := range 2 {
		args := []device.Arg{tensor(t, d, 1, 1), tensor(t, d, 1, 1)}
		run := bindNeg(t, d, args[0], args[1])
		require.NoError(t, run.Run())
		move, err := d.BindWithin(args[1].Slice, args[0].Slice)
		require.NoError(t, err)
		require.NoError(t, args[freed].Slice.Buffer.Free())
		require.ErrorContains(t, run.Run(), "run neg uses memory that has been freed")
		require.ErrorContains(t, move.Run(), "uses memory that has been freed")
		_, err = d.Bind(&device.Call{Kernel: kernel(t, "neg"), Buffers: args})
		require.ErrorContains(t, err, "has been freed")
		_, err = d.BindFromHost(args[freed].Slice, make([]byte, 4))
		require.ErrorContains(t, err, "has been freed")
	}
}

func TestMemoryIsLimitedAndAccountedFor(t *testing.T) {
	d := sim.New("sim:0", sim.Options{Memory: 100})
	a, err := d.Alloc(60)
	require.NoError(t, err)
	_, err = d.Alloc(41)
	require.ErrorContains(t, err, "sim:0: out of memory: 41 bytes were asked for, 40 of 100 are free")
	_, err = d.Alloc(-1)
	require.ErrorContains(t, err, "can't have -1 bytes")
	_, err = d.Alloc(math.MaxInt64)
	require.ErrorContains(t, err, "out of memory")
	b, err := d.Alloc(40)
	require.NoError(t, err)
	require.NoError(t, a.Free())
	require.NoError(t, a.Free(), "a second time")
	require.Equal(t, device.Budget{Limit: 100, InUse: 40, Peak: 100, Live: 1}, d.Usage())
	require.NoError(t, b.Free())
	require.Zero(t, d.Usage().InUse)
}

func TestInjectedFaultsFailTheCallAndRuinItsOutput(t *testing.T) {
	d := sim.New("sim:0", sim.Options{})
	x, out := tensor(t, d, 2, 1, -2), tensor(t, d, 2, 7, 7)
	run := bindNeg(t, d, x, out)
	host := f32(9, 9)
	down, err := d.BindToHost(host, x.Slice)
	require.NoError(t, err)

	fault := errors.New("injected")
	failing := func(kind string) func(sim.Event) error {
		return func(e sim.Event) error {
			if e.Kind == kind {
				return fault
			}
			return nil
		}
	}
	garbage := bytes.Repeat([]byte{0xa5}, 8)
	d.Inject(failing("run"))
	require.ErrorIs(t, run.Run(), fault)
	require.Equal(t, garbage, read(t, out))
	require.Equal(t, f32(1, -2), read(t, x), "inputs stay")

	d.Inject(failing("copy"))
	require.ErrorIs(t, down.Run(), fault)
	require.Equal(t, garbage, host)

	d.Inject(failing("alloc"))
	_, err = d.Alloc(1)
	require.ErrorIs(t, err, fault)

	d.Inject(failing("bind"))
	_, err = d.Bind(&device.Call{Kernel: kernel(t, "neg"), Buffers: []device.Arg{x, out}})
	require.ErrorIs(t, err, fault)
	_, err = d.BindToHost(host, x.Slice)
	require.ErrorIs(t, err, fault)

	d.Inject(nil)
	require.NoError(t, run.Run(), "a command that failed may be run again")
	require.Equal(t, f32(-1, 2), read(t, out))
	require.NoError(t, down.Run())
	require.Equal(t, f32(1, -2), host)
}

func TestEventsAreCountedSoThatAFaultCanBePlacedAtEachInTurn(t *testing.T) {
	d := sim.New("sim:0", sim.Options{})
	var events []sim.Event
	d.Inject(func(e sim.Event) error {
		events = append(events, e)
		return nil
	})
	x, out := tensor(t, d, 1, 1), tensor(t, d, 1)
	require.NoError(t, bindNeg(t, d, x, out).Run())
	require.Equal(t, []sim.Event{
		{Kind: "alloc", Serial: 0},
		{Kind: "bind", Serial: 1},
		{Kind: "copy", Serial: 2},
		{Kind: "alloc", Serial: 3},
		{Kind: "bind", Kernel: "neg", Serial: 4},
		{Kind: "run", Kernel: "neg", Serial: 5},
	}, events)
}

func TestAClosedDeviceFailsEveryCall(t *testing.T) {
	d := sim.New("sim:0", sim.Options{})
	x, out := tensor(t, d, 1, 1), tensor(t, d, 1)
	run := bindNeg(t, d, x, out)
	require.NoError(t, d.Close())
	require.ErrorContains(t, run.Run(), "is closed")
	_, err := d.Alloc(1)
	require.ErrorContains(t, err, "is closed")
	_, err = d.BindToHost(make([]byte, 4), x.Slice)
	require.ErrorContains(t, err, "is closed")
}
