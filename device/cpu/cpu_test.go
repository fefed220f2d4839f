package cpu_test

import (
	"encoding/binary"
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/kernels"
)

func kernel(t testing.TB, name string) *kernels.Kernel {
	t.Helper()
	m, err := kernels.Load()
	require.NoError(t, err)
	require.NotNil(t, m.Kernel(name), name)
	return m.Kernel(name)
}

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
	run, err := d.Bind(&device.Call{Kernel: kernel(t, "add"), Buffers: []device.Arg{a, b, out}})
	require.NoError(t, err)
	require.NoError(t, run.Run())
	require.Equal(t, []float32{11, 22, 13, 24}, floats(out))
	floats(b)[0] = 100
	require.NoError(t, run.Run())
	require.Equal(t, []float32{101, 22, 103, 24}, floats(out))
}

func TestBindRefusesWhatDoesNotFit(t *testing.T) {
	d, other := cpu.New("cpu"), cpu.New("other")
	a, b, out := tensor(t, d, []int{4}), tensor(t, d, []int{4}), tensor(t, d, []int{4})
	shaped := func(shape ...int) device.Arg {
		arg := a
		arg.Shape = shape
		return arg
	}
	typed := a
	typed.DType = "f64"
	typed.Shape = []int{2}
	nameless := a
	nameless.DType = "f31"
	freed := tensor(t, d, []int{4})
	require.NoError(t, freed.Slice.Buffer.Free())
	big, err := d.Alloc(64)
	require.NoError(t, err)
	at := func(offset int64) device.Arg {
		return device.Arg{Slice: device.Slice{Buffer: big, Offset: offset, Bytes: 16}, DType: "f32", Shape: []int{4}}
	}
	for _, c := range []struct {
		name    string
		kernel  string
		buffers []device.Arg
		scalars []any
		want    string
	}{
		{"another device's memory", "add", []device.Arg{a, tensor(t, other, []int{4}), out}, nil, "cpu was handed memory of other"},
		{"a missing operand", "add", []device.Arg{a, out}, nil, "doesn't serve [f32] → f32"},
		{"no buffers", "add", nil, nil, "there are no buffers"},
		{"two dtypes", "add", []device.Arg{a, typed, out}, nil, "doesn't serve [f32 f64] → f32"},
		{"a dtype that isn't one", "add", []device.Arg{a, nameless, out}, nil, `there is no dtype "f31"`},
		{"a shape that isn't the memory's", "add", []device.Arg{shaped(5), b, out}, nil, "f32[5] doesn't take the 16 bytes that its memory has"},
		{"negative sizes", "add", []device.Arg{shaped(-2, -2), b, out}, nil, "f32[-2 -2] doesn't take"},
		{"sizes whose product wraps around", "add", []device.Arg{shaped(4, 1<<32, 1<<32), b, out}, nil, "doesn't take"},
		{"shapes that don't broadcast", "add", []device.Arg{a, tensor(t, d, []int{3}), out}, nil, "the shape [3] doesn't broadcast to [4]"},
		{"a scalar too few", "softmax", []device.Arg{a, out}, nil, "takes 1 scalars, got 0"},
		{"a scalar of another type", "softmax", []device.Arg{a, out}, []any{"x"}, "scalar 0 must be a int"},
		{"a dim out of range", "softmax", []device.Arg{a, out}, []any{1}, "dim 1 is out of range"},
		{"an output over an input that it may not overwrite", "flip", []device.Arg{a, a}, []any{[]int{0}}, "the output lies over the input x"},
		{"an output half over an input", "add", []device.Arg{at(0), b, at(8)}, nil, "the output lies over the input a"},
		{"memory that isn't aligned", "add", []device.Arg{at(2), b, out}, nil, "begins at byte 2"},
		{"memory out of bounds", "add", []device.Arg{at(56), b, out}, nil, "outside of a buffer of 64"},
		{"freed memory", "add", []device.Arg{freed, b, out}, nil, "has been freed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := d.Bind(&device.Call{Kernel: kernel(t, c.kernel), Buffers: c.buffers, Scalars: c.scalars})
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err = d.Bind(&device.Call{Kernel: kernel(t, "add"), Buffers: []device.Arg{a, b, a}})
	require.NoError(t, err, "an output over an input that it may overwrite")
}

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
	require.ErrorContains(t, err, "373 bytes were asked for, 372 of 1000 are free")
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
	require.NotEmpty(t, info.Description)
}

func TestAClosedDeviceAllocatesNothing(t *testing.T) {
	d := cpu.New("cpu")
	require.NoError(t, d.Close())
	_, err := d.Alloc(1)
	require.ErrorContains(t, err, "is closed")
}

func TestARunAllocatesNothing(t *testing.T) {
	d := cpu.New("cpu")
	a, b, out := tensor(t, d, []int{4, 3}), tensor(t, d, []int{3}), tensor(t, d, []int{4, 3})
	run, err := d.Bind(&device.Call{Kernel: kernel(t, "add"), Buffers: []device.Arg{a, b, out}})
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = run.Run() }))
}

func BenchmarkLaunch(b *testing.B) {
	d := cpu.New("cpu")
	x, y, out := tensor(b, d, nil), tensor(b, d, nil), tensor(b, d, nil)
	run, err := d.Bind(&device.Call{Kernel: kernel(b, "add"), Buffers: []device.Arg{x, y, out}})
	require.NoError(b, err)
	for b.Loop() {
		_ = run.Run()
	}
}
