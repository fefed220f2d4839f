package opencl

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
)

func TestDevicesAreNumberedGPUsFirst(t *testing.T) {
	l := loader(t)
	devices, missing := l.discover()
	require.Empty(t, missing)
	gpu := true
	for i, d := range devices {
		require.Equal(t, "opencl:"+string(rune('0'+i)), d.Name)
		require.Equal(t, "opencl", d.Kind)
		require.Contains(t, d.Description, d.Platform)
		require.Positive(t, d.Memory)
		require.Positive(t, d.Alignment)
		require.False(t, d.GPU && !gpu, "%s, a GPU, comes after what is none", d.Name)
		gpu = d.GPU
	}
	d := open(t, l, Options{})
	require.Equal(t, "opencl:0", d.Name())
	require.Equal(t, devices[0].Info, d.Info())
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	l := loader(t)
	for _, c := range []struct {
		name  string
		fails function
		code  int32
		want  string
	}{
		{"no driver", clGetPlatformIDs, -1001, l.name + " is there, but no driver is registered with it"},
		{"a broken loader", clGetPlatformIDs, -6, "gives no platforms: clGetPlatformIDs: CL_OUT_OF_HOST_MEMORY (-6)"},
		{"no device", clGetDeviceIDs, -1, "has no device that can be used: "},
		{"a broken driver", clGetDeviceInfo, -33, "clGetDeviceInfo: CL_INVALID_DEVICE (-33)"},
	} {
		l.fail(c.code, c.fails)
		devices, missing := l.discover()
		require.Empty(t, devices, c.name)
		require.Contains(t, missing, c.want)
		_, err := l.open(0, Options{})
		require.ErrorContains(t, err, "there is no device opencl:0: ")
		require.ErrorContains(t, err, c.want)
	}
	l.fault = nil
	_, err := l.open(99, Options{})
	require.ErrorContains(t, err, "there is no device opencl:99: the last is opencl:")
}

func TestAnErrorHasTheNamesOfTheStandard(t *testing.T) {
	l := loader(t)
	err := l.call(clReleaseContext, 0)
	require.EqualError(t, err, "clReleaseContext: CL_INVALID_CONTEXT (-34)")
	_, err = l.create(clCreateContext, 0, 0, 0, 0, 0)
	require.EqualError(t, err, "clCreateContext: CL_INVALID_VALUE (-30)")
	require.EqualError(t, &Error{"clFinish", -9999}, "clFinish: an error that the standard doesn't name (-9999)")
	for f, name := range functionNames {
		require.True(t, strings.HasPrefix(name, "cl"), "function %d has no name", f)
	}
}

func TestCopiesArriveWhole(t *testing.T) {
	for _, ownMemory := range []bool{false, true} {
		d := open(t, loader(t), Options{})
		d.staging = newStaging(ownMemory)
		copies(t, d, 1, 3, 4, d.staging.most, d.staging.most+1, d.staging.limit+5)
	}
}

// copies copies so many bytes from the host to the device, within it, and back.
func copies(t *testing.T, d *Device, sizes ...int) {
	t.Helper()
	for _, size := range sizes {
		contents := make([]byte, size)
		for i := range contents {
			contents[i] = byte(i * 7)
		}
		a, b := alloc(t, d, int64(size)+10), alloc(t, d, int64(size)+10)
		part := device.Slice{Buffer: a.Buffer, Offset: 3, Bytes: int64(size)}
		other := device.Slice{Buffer: b.Buffer, Offset: 7, Bytes: int64(size)}
		write(t, part, contents)
		within, err := d.BindWithin(other, part)
		require.NoError(t, err)
		require.NoError(t, within.Run())
		require.True(t, bytes.Equal(contents, read(t, other)), "%d bytes", size)
	}
}

func TestACopyHasReadItsSourceWhenItReturns(t *testing.T) {
	for _, c := range []struct {
		ownMemory   bool
		size, times int // several times what staging holds
	}{{false, 5000, 500}, {true, 1<<20 - 5, 40}} {
		d := open(t, loader(t), Options{})
		d.staging = newStaging(c.ownMemory)
		require.LessOrEqual(t, c.size, d.staging.most)
		require.Greater(t, c.size*c.times, 2*d.staging.limit)
		source := make([]byte, c.size)
		slots := alloc(t, d, int64(c.size*c.times))
		for i := range c.times {
			copy(source, bytes.Repeat([]byte{byte(i)}, c.size))
			write(t, device.Slice{Buffer: slots.Buffer, Offset: int64(i * c.size), Bytes: int64(c.size)}, source)
		}
		all := read(t, slots)
		for i := range c.times {
			require.True(t, bytes.Equal(bytes.Repeat([]byte{byte(i)}, c.size), all[i*c.size:(i+1)*c.size]), "copy %d", i)
		}
	}
}

func TestCopiesOfNothingAndOntoItselfDoNothing(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	a, empty := alloc(t, d, 8), alloc(t, d, 0)
	counts := l.calls()
	write(t, empty, nil)
	require.Empty(t, read(t, empty))
	for _, s := range []device.Slice{a, empty} {
		within, err := d.BindWithin(s, s)
		require.NoError(t, err)
		require.NoError(t, within.Run())
	}
	require.Empty(t, counts)
	_, err := d.BindWithin(device.Slice{Buffer: a.Buffer, Bytes: 5}, device.Slice{Buffer: a.Buffer, Offset: 3, Bytes: 5})
	require.ErrorContains(t, err, "a copy of 5 bytes from byte 3 to byte 0 of the same buffer overlaps itself")
}

func TestEveryCallRefusesForeignMemory(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	second, err := l.open(0, Options{})
	require.NoError(t, err)
	defer second.Close()
	for _, foreign := range []device.Device{cpu.New("cpu"), second} {
		own, other := tensor(t, d, 1), tensor(t, foreign, 1)
		refused := func(err error) {
			t.Helper()
			require.ErrorContains(t, err, "opencl:0 was handed memory of "+foreign.Name())
		}
		_, err := d.Bind(neg(t, other, own))
		refused(err)
		_, err = d.Bind(neg(t, own, other))
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

func TestTwoDevicesCopyByWayOfTheHost(t *testing.T) {
	l := loader(t)
	a, b := open(t, l, Options{}), open(t, l, Options{})
	x, y := tensor(t, a, 1, 2, 3), tensor(t, b, 0, 0, 0)
	move, err := device.BindCopy(y.Slice, x.Slice)
	require.NoError(t, err)
	require.NoError(t, bindNeg(t, x, x).Run())
	require.NoError(t, move.Run())
	require.Equal(t, f32(-1, -2, -3), read(t, y.Slice))
}

func TestMemoryThatCantBeHadIsAnError(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	_, err := d.Alloc(d.maxAlloc + 1)
	require.ErrorContains(t, err, "out of memory")
	require.ErrorContains(t, err, "CL_DEVICE_MAX_MEM_ALLOC_SIZE")
	_, err = d.Alloc(math.MaxInt64)
	require.ErrorContains(t, err, "out of memory")
	_, err = d.Alloc(-1)
	require.ErrorContains(t, err, "can't have -1 bytes")
	l.fail(memAllocationFailed, clCreateBuffer)
	_, err = d.Alloc(100)
	require.ErrorContains(t, err, "device opencl:0: out of memory: 100 bytes were asked for")
	require.ErrorContains(t, err, "clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)")
	l.fault = nil
	require.Zero(t, d.Usage().InUse)
	require.Zero(t, d.Usage().Live)
	a := alloc(t, d, 100)
	require.Equal(t, 1, d.Usage().Live)
	require.NoError(t, a.Buffer.Free())
	require.NoError(t, a.Buffer.Free(), "a second time")
	require.Zero(t, d.Usage().InUse)
}

func TestAFreedBufferTakesEverythingWithIt(t *testing.T) {
	for freed := range 2 {
		l := loader(t)
		d := open(t, l, Options{})
		args := []device.Arg{tensor(t, d, 1), tensor(t, d, 1)}
		run := bindNeg(t, args[0], args[1])
		within, err := d.BindWithin(args[1].Slice, args[0].Slice)
		require.NoError(t, err)
		require.NoError(t, run.Run())
		require.NoError(t, args[freed].Slice.Buffer.Free(), "while work on it is queued")
		require.EqualError(t, run.Run(), "device opencl:0: kernel neg uses memory that has been freed")
		require.ErrorContains(t, within.Run(), "uses memory that has been freed")
		require.Zero(t, l.live[clReleaseKernel].Load())
		_, err = d.Bind(neg(t, args[0], args[1]))
		require.ErrorContains(t, err, "has been freed")
		_, err = d.BindFromHost(args[freed].Slice, make([]byte, 4))
		require.ErrorContains(t, err, "has been freed")
		require.NoError(t, d.Sync())
	}
}

func TestAClosedDeviceHasNothingLeftAndFailsEveryCall(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	whole := alloc(t, d, 1<<16)
	step := max(d.Info().Alignment, 64)
	var run device.Command
	for i := range int64(10) {
		x := device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Offset: i * step, Bytes: 8}, DType: "f32", Shape: []int{2}}
		run = bindNeg(t, x, x)
		require.NoError(t, run.Run())
	}
	up, err := d.BindFromHost(whole, make([]byte, 1<<16))
	require.NoError(t, err)
	require.NoError(t, d.Close())
	for f := range l.live {
		require.Zero(t, l.live[f].Load(), "handles that %s should have had", function(f))
	}
	require.NoError(t, d.Close(), "a second time")
	require.ErrorContains(t, run.Run(), "is closed")
	require.ErrorContains(t, up.Run(), "is closed")
	require.ErrorContains(t, d.Sync(), "is closed")
	_, err = d.Alloc(1)
	require.ErrorContains(t, err, "is closed")
	_, err = d.BindToHost(make([]byte, 1<<16), whole)
	require.ErrorContains(t, err, "is closed")
	x := device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Bytes: 8}, DType: "f32", Shape: []int{2}}
	_, err = d.Bind(neg(t, x, x))
	require.ErrorContains(t, err, "is closed")
	require.NoError(t, whole.Buffer.Free())
}
