package sim_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/internal/drivertest"
)

func TestKernelsRunInTheDevicesOwnMemory(t *testing.T) {
	d := sim.New("sim:0", sim.Options{})
	x, out := drivertest.Tensor(t, d, 1, -2), drivertest.Vector(drivertest.Alloc(t, d, 8))
	require.NoError(t, drivertest.BindNeg(t, x, out).Run())
	require.Equal(t, drivertest.F32(-1, 2), drivertest.Read(t, out.Slice))
	require.Equal(t, "sim", d.Info().Kind)
	require.NoError(t, d.Sync())
}

func TestBuffersAreHostVisibleOnlyOnRequest(t *testing.T) {
	hidden := drivertest.Tensor(t, sim.New("a", sim.Options{}), 5)
	require.Nil(t, hidden.Slice.Host())
	visible := drivertest.Tensor(t, sim.New("b", sim.Options{HostVisible: true}), 5)
	require.Equal(t, drivertest.F32(5), visible.Slice.Host())
	require.NoError(t, visible.Slice.Buffer.Free())
	require.Nil(t, visible.Slice.Host())
}

func TestEveryCallRefusesForeignMemory(t *testing.T) {
	drivertest.ForeignMemory(t, sim.New("sim:0", sim.Options{}), cpu.New("cpu"), sim.New("sim:1", sim.Options{}))
}

func TestBindRejectsInvalidCalls(t *testing.T) {
	drivertest.BadCalls(t, sim.New("sim:0", sim.Options{}))
}

func TestQueuedCommandsRunInOrder(t *testing.T) {
	for _, o := range []sim.Options{{}, {Queue: true}, {Queue: true, Unified: true}} {
		d := sim.New("sim:0", o)
		drivertest.InOrder(t, d)
		drivertest.SharedMemory(t, d)
	}
}

func TestCopiesGoBetweenAnyTwoDevices(t *testing.T) {
	devices := []device.Device{cpu.New("cpu"), sim.New("sim:0", sim.Options{}), sim.New("sim:1", sim.Options{}), sim.New("sim:2", sim.Options{HostVisible: true})}
	for _, from := range devices {
		for _, to := range devices {
			src, dst := drivertest.Tensor(t, from, 3, 4), drivertest.Vector(drivertest.Alloc(t, to, 8))
			move, err := device.BindCopy(dst.Slice, src.Slice)
			require.NoError(t, err)
			require.NoError(t, move.Run())
			require.Equal(t, drivertest.F32(3, 4), drivertest.Read(t, dst.Slice), "%s → %s", from.Name(), to.Name())
		}
	}
}

func TestMemoryThatWasNeverWrittenIsNaNInEveryFloatingType(t *testing.T) {
	d := sim.New("sim:0", sim.Options{HostVisible: true})
	fresh := drivertest.Vector(drivertest.Alloc(t, d, 16))
	require.Equal(t, bytes.Repeat([]byte{0xff}, 16), drivertest.Read(t, fresh.Slice))
	require.True(t, math.IsNaN(float64(math.Float32frombits(math.MaxUint32))))
	require.True(t, math.IsNaN(math.Float64frombits(math.MaxUint64)))

	written := drivertest.Tensor(t, d, 5)
	memory := written.Slice.Host()
	require.NoError(t, written.Slice.Buffer.Free())
	require.Equal(t, []byte{0xff, 0xff, 0xff, 0xff}, memory, "and so is freed memory")
}

func TestUsingFreedMemoryIsAnError(t *testing.T) {
	d := sim.New("sim:0", sim.Options{})
	for freed := range 2 {
		args := []device.Arg{drivertest.Tensor(t, d, 1), drivertest.Tensor(t, d, 1)}
		run := drivertest.BindNeg(t, args[0], args[1])
		require.NoError(t, run.Run())
		move, err := d.BindWithin(args[1].Slice, args[0].Slice)
		require.NoError(t, err)
		require.NoError(t, args[freed].Slice.Buffer.Free())
		require.ErrorContains(t, run.Run(), "run neg uses memory that has been freed")
		require.ErrorContains(t, move.Run(), "uses memory that has been freed")
		_, err = d.Bind(&device.Call{Kernel: drivertest.Kernel(t, "neg"), Buffers: args})
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
	require.ErrorContains(t, err, "sim:0: out of memory: 41 bytes requested, 40 of 100 free")
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
	x, out := drivertest.Tensor(t, d, 1, -2), drivertest.Tensor(t, d, 7, 7)
	run := drivertest.BindNeg(t, x, out)
	host := drivertest.F32(9, 9)
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
	require.Equal(t, garbage, drivertest.Read(t, out.Slice))
	require.Equal(t, drivertest.F32(1, -2), drivertest.Read(t, x.Slice), "inputs stay")

	d.Inject(failing("copy"))
	require.ErrorIs(t, down.Run(), fault)
	require.Equal(t, garbage, host)

	d.Inject(failing("alloc"))
	_, err = d.Alloc(1)
	require.ErrorIs(t, err, fault)

	d.Inject(failing("bind"))
	_, err = d.Bind(drivertest.Neg(t, x, out))
	require.ErrorIs(t, err, fault)
	_, err = d.BindToHost(host, x.Slice)
	require.ErrorIs(t, err, fault)

	d.Inject(nil)
	require.NoError(t, run.Run(), "a command that failed may be run again")
	require.Equal(t, drivertest.F32(-1, 2), drivertest.Read(t, out.Slice))
	require.NoError(t, down.Run())
	require.Equal(t, drivertest.F32(1, -2), host)
}

func TestAFailedWaitFailsQueuedWork(t *testing.T) {
	d := sim.New("sim:0", sim.Options{Queue: true, Unified: true})
	x, out := drivertest.Tensor(t, d, 1, -2), drivertest.Tensor(t, d, 7, 7)
	require.NoError(t, d.Sync())
	fault := errors.New("injected")
	d.Inject(func(e sim.Event) error {
		if e.Kind == "sync" {
			return fault
		}
		return nil
	})
	require.NoError(t, drivertest.BindNeg(t, x, out).Run())
	err := d.Sync()
	require.ErrorAs(t, err, new(*device.Late))
	require.ErrorIs(t, err, fault)
	require.Equal(t, bytes.Repeat([]byte{0xa5}, 8), drivertest.Read(t, out.Slice))
	require.Equal(t, drivertest.F32(1, -2), drivertest.Read(t, x.Slice), "inputs stay")
	err = d.Sync()
	require.ErrorIs(t, err, fault)
	require.NotErrorAs(t, err, new(*device.Late), "nothing was queued")
}

func TestEveryEventCanBeMadeToFail(t *testing.T) {
	d := sim.New("sim:0", sim.Options{})
	var events []sim.Event
	d.Inject(func(e sim.Event) error {
		events = append(events, e)
		return nil
	})
	x, out := drivertest.Tensor(t, d, 1), drivertest.Vector(drivertest.Alloc(t, d, 4))
	require.NoError(t, drivertest.BindNeg(t, x, out).Run())
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
	x, out := drivertest.Tensor(t, d, 1), drivertest.Vector(drivertest.Alloc(t, d, 4))
	run := drivertest.BindNeg(t, x, out)
	require.NoError(t, d.Close())
	require.ErrorContains(t, run.Run(), "is closed")
	_, err := d.Alloc(1)
	require.ErrorContains(t, err, "is closed")
	_, err = d.BindToHost(make([]byte, 4), x.Slice)
	require.ErrorContains(t, err, "is closed")
	require.ErrorContains(t, d.Sync(), "is closed")
}

func TestCloseAndFreeDuringEveryUse(t *testing.T) {
	for _, o := range []sim.Options{{Captures: true}, {Captures: true, Queue: true}, {Captures: true, Queue: true, Unified: true}} {
		drivertest.Ended(t, func(*testing.T) (dev, second device.Device, after func()) {
			return sim.New("sim:0", o), sim.New("sim:1", o), func() {}
		})
	}
}

func TestAViewAndItsBufferAreFreedTogether(t *testing.T) {
	host := sim.New("host", sim.Options{HostVisible: true})
	for _, first := range []func(view, of device.Buffer) error{
		func(view, _ device.Buffer) error { return view.Free() },
		func(_, of device.Buffer) error { return of.Free() },
	} {
		of := drivertest.Tensor(t, sim.New("gpu", sim.Options{Queue: true, Unified: true}), 1, 2)
		view := host.View(of.Slice.Buffer.(device.SharedBuffer))
		x := drivertest.Vector(device.Slice{Buffer: view, Bytes: view.Bytes()})
		run := drivertest.BindNeg(t, x, x)
		require.NoError(t, run.Run())
		require.NoError(t, first(view, of.Slice.Buffer))
		require.Nil(t, view.Host())
		require.Nil(t, of.Slice.Buffer.(device.SharedBuffer).Shared())
		require.ErrorContains(t, run.Run(), "uses memory that has been freed")
	}
}
