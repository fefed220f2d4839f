package cpu_test

import (
	"encoding/binary"
	"math"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/internal/drivertest"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// tensor allocates an f32 tensor and fills it.
func tensor(t testing.TB, d device.Device, shape []int, values ...float32) device.Arg {
	t.Helper()
	bytes := int64(4 * kernels.Numel(shape))
	b, err := d.Alloc(bytes)
	require.NoError(t, err)
	for i, v := range values {
		binary.LittleEndian.PutUint32(b.(device.HostBuffer).Host()[4*i:], math.Float32bits(v))
	}
	return device.Arg{Slice: device.Slice{Buffer: b, Bytes: bytes}, DType: "f32", Shape: shape}
}

func floats(a device.Arg) []float32 {
	memory := a.Slice.Host()
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(memory))), len(memory)/4)
}

func TestAKernelRunsOnTheMemoryItWasBoundTo(t *testing.T) {
	d := cpu.New("cpu")
	a, b, out := tensor(t, d, []int{2, 2}, 1, 2, 3, 4), tensor(t, d, []int{2}, 10, 20), tensor(t, d, []int{2, 2})
	run, err := d.Bind(&device.Call{Kernel: drivertest.Kernel(t, "add"), Buffers: []device.Arg{a, b, out}})
	require.NoError(t, err)
	require.NoError(t, run.Run())
	require.Equal(t, []float32{11, 22, 13, 24}, floats(out))
	floats(b)[0] = 100
	require.NoError(t, run.Run())
	require.Equal(t, []float32{101, 22, 103, 24}, floats(out))
}

func TestBindRejectsInvalidCalls(t *testing.T) { drivertest.BadCalls(t, cpu.New("cpu")) }

func TestMemoryIsAlignedAndAccountedFor(t *testing.T) {
	d := cpu.New("cpu")
	d.SetLimit(1000)
	var buffers []device.Buffer
	for _, n := range []int64{0, 1, 63, 64, 500} {
		b, err := d.Alloc(n)
		require.NoError(t, err)
		require.Equal(t, n, b.Bytes())
		require.Len(t, b.(device.HostBuffer).Host(), int(n))
		require.Zero(t, uintptr(unsafe.Pointer(unsafe.SliceData(b.(device.HostBuffer).Host())))%device.Alignment)
		buffers = append(buffers, b)
	}
	_, err := d.Alloc(373)
	require.ErrorContains(t, err, "373 bytes requested, 372 of 1000 free")
	require.NoError(t, buffers[4].Free())
	require.NoError(t, buffers[4].Free(), "a second time")
	require.Equal(t, device.Budget{Limit: 1000, InUse: 128, Peak: 628, Live: 4}, d.Usage())
}

func TestAbsurdAllocationsAreErrors(t *testing.T) {
	d := cpu.New("cpu")
	for _, n := range []int64{-1, math.MinInt64, 1 << 50, math.MaxInt64 - 10, math.MaxInt64} {
		_, err := d.Alloc(n)
		require.Error(t, err, "%d bytes", n)
	}
}

func TestCopiesGoBothWays(t *testing.T) {
	d := cpu.New("cpu")
	a, b := tensor(t, d, []int{3}, 1, 2, 3), tensor(t, d, []int{3})
	within, err := device.BindCopy(b.Slice, a.Slice)
	require.NoError(t, err)
	require.NoError(t, within.Run())
	require.Equal(t, []float32{1, 2, 3}, floats(b))
	host := make([]byte, 4)
	down, err := d.BindToHost(host, device.Slice{Buffer: b.Slice.Buffer, Offset: 4, Bytes: 4})
	require.NoError(t, err)
	require.NoError(t, down.Run())
	require.Equal(t, math.Float32bits(2), binary.LittleEndian.Uint32(host))
	_, err = d.BindFromHost(b.Slice, host)
	require.ErrorContains(t, err, "a copy between 12 bytes and 4")
	_, err = cpu.New("other").BindToHost(host, a.Slice)
	require.ErrorContains(t, err, "other was handed memory of cpu")
}

func TestInfoNamesTheProcessor(t *testing.T) {
	info := cpu.New("cpu").Info()
	require.Equal(t, "cpu", info.Name)
	require.Equal(t, "cpu", info.Kind)
	require.Regexp(t, `.+, kernels in (Go|AVX2|AVX-512)$`, info.Description)
}

func TestTheEstimateIsThatOfTheThreadsThatAKernelMayUse(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	speed := func(threads int) device.Speed {
		d, err := cpu.Open(0, device.Options{Threads: threads})
		require.NoError(t, err)
		return d.Info().Speed
	}
	all, one := speed(0), speed(1)
	require.Equal(t, cpu.New("cpu").Info().Speed, all, "auto compares what is told before the device is opened")
	require.Equal(t, all, speed(8))
	require.Zero(t, one.Threads)
	if asm.Chosen == asm.Go {
		require.Equal(t, one, all)
		return
	}
	require.Equal(t, 3, all.Threads)
	require.Equal(t, 3*one.Flops, all.Flops)
	require.Equal(t, one.Bytes, all.Bytes)
}

func TestAClosedDeviceAllocatesAndBindsNothing(t *testing.T) {
	d := cpu.New("cpu")
	x := tensor(t, d, []int{1}, 1)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close(), "a second time")
	_, err := d.Alloc(1)
	require.ErrorContains(t, err, "device cpu: is closed")
	for _, bind := range []func() (device.Command, error){
		func() (device.Command, error) { return d.Bind(drivertest.Neg(t, x, x)) },
		func() (device.Command, error) { return d.BindFromHost(x.Slice, make([]byte, 4)) },
		func() (device.Command, error) { return d.BindToHost(make([]byte, 4), x.Slice) },
		func() (device.Command, error) { return d.BindWithin(x.Slice, x.Slice) },
	} {
		_, err := bind()
		require.ErrorContains(t, err, "device cpu: is closed")
	}
	require.ErrorContains(t, d.Sync(), "device cpu: is closed")
	require.NoError(t, x.Slice.Buffer.Free())
}

func TestCloseAndFreeDuringEveryUse(t *testing.T) {
	drivertest.Ended(t, func(*testing.T) (dev, second device.Device, after func()) {
		return cpu.New("cpu"), cpu.New("other"), func() {}
	})
}

func TestARunAllocatesNothing(t *testing.T) {
	d := cpu.New("cpu")
	a, b, out := tensor(t, d, []int{4, 3}), tensor(t, d, []int{3}), tensor(t, d, []int{4, 3})
	run, err := d.Bind(&device.Call{Kernel: drivertest.Kernel(t, "add"), Buffers: []device.Arg{a, b, out}})
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = run.Run() }))
}

func BenchmarkLaunch(b *testing.B) {
	d := cpu.New("cpu")
	x, y, out := tensor(b, d, nil), tensor(b, d, nil), tensor(b, d, nil)
	run, err := d.Bind(&device.Call{Kernel: drivertest.Kernel(b, "add"), Buffers: []device.Arg{x, y, out}})
	require.NoError(b, err)
	for b.Loop() {
		_ = run.Run()
	}
}
