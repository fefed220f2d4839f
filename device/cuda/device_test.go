package cuda

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
)

func TestDevicesAreNumberedAsTheDriverHasThem(t *testing.T) {
	l := loader(t)
	devices, missing := l.discover()
	require.Empty(t, missing)
	for i, d := range devices {
		require.Equal(t, "cuda:"+string(rune('0'+i)), d.Name)
		require.Equal(t, "cuda", d.Kind)
		require.Contains(t, d.Description, "compute capability ")
		require.Contains(t, d.Driver, "CUDA ")
		require.Positive(t, d.Memory)
		require.GreaterOrEqual(t, d.Capability, 50)
	}
	d := open(t, l, Options{})
	require.Equal(t, "cuda:0", d.Name())
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
		{"no device", cuDeviceGetCount, errorNoDevice, l.name + " is there, but it has no device"},
		{"a broken driver", cuDeviceGetCount, 999, "gives no devices: cuDeviceGetCount: CUDA_ERROR_UNKNOWN (999)"},
		{"no device that can be used", cuDeviceGetName, 1, "cuda:0: cuDeviceGetName: CUDA_ERROR_INVALID_VALUE (1)"},
	} {
		l.fail(c.code, c.fails)
		devices, missing := l.discover()
		require.Empty(t, devices, c.name)
		require.Contains(t, missing, c.want)
		_, err := l.start(0, Options{})
		require.ErrorContains(t, err, "there is no device cuda:0: ")
		require.ErrorContains(t, err, c.want)
	}
	l.fault = nil
	_, err := l.start(99, Options{})
	require.ErrorContains(t, err, "there is no device cuda:99: the last is cuda:")
}

func TestAnErrorHasTheNamesOfTheAPI(t *testing.T) {
	l := loader(t)
	require.EqualError(t, l.failure(cuLaunchKernel, 1), "cuLaunchKernel: CUDA_ERROR_INVALID_VALUE (1): invalid argument")
	require.EqualError(t, l.failure(nvrtcCompileProgram, 6), "nvrtcCompileProgram: NVRTC_ERROR_COMPILATION (6)")
	require.EqualError(t, l.failure(cuInit, -9999), "cuInit: an error without a name (-9999)")
	for f, name := range functionNames {
		require.True(t, strings.HasPrefix(name, "cu") || strings.HasPrefix(name, "nvrtc"), "function %d has no name", f)
		require.Equal(t, strings.HasPrefix(name, "nvrtc"), function(f).ofCompiler(), name)
	}
}

func TestCopiesArriveWhole(t *testing.T) {
	d := open(t, loader(t), Options{})
	for _, size := range []int{1, 3, 4, maxStaged, maxStaged + 1, stagingBytes + 5} {
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
	d := open(t, loader(t), Options{})
	const size, times = 5000, 500 // several times what staging holds
	source := make([]byte, size)
	slots := alloc(t, d, size*times)
	for i := range times {
		for j := range source {
			source[j] = byte(i)
		}
		write(t, device.Slice{Buffer: slots.Buffer, Offset: int64(i * size), Bytes: size}, source)
	}
	all := read(t, slots)
	for i, b := range all {
		if b != byte(i/size) {
			require.Equal(t, byte(i/size), b, "byte %d", i)
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
	second, err := l.start(0, Options{})
	require.NoError(t, err)
	defer second.Close()
	for _, foreign := range []device.Device{cpu.New("cpu"), second} {
		own, other := tensor(t, d, 1), tensor(t, foreign, 1)
		refused := func(err error) {
			t.Helper()
			require.ErrorContains(t, err, "cuda:0 was handed memory of "+foreign.Name())
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
		_, err = d.BindFromPeer(other.Slice, own.Slice)
		require.NoError(t, err, "there is no such copy to itself")
	}
}

func TestMemoryThatCantBeHadIsAnError(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	_, err := d.Alloc(math.MaxInt64)
	require.ErrorContains(t, err, "out of memory")
	_, err = d.Alloc(-1)
	require.ErrorContains(t, err, "can't have -1 bytes")
	l.fail(errorOutOfMemory, cuMemAllocAsync, cuMemAlloc)
	_, err = d.Alloc(100)
	require.ErrorContains(t, err, "device cuda:0: out of memory: 100 bytes were asked for, ")
	require.ErrorContains(t, err, "CUDA_ERROR_OUT_OF_MEMORY (2): out of memory")
	l.fault = nil
	require.Zero(t, d.Usage().InUse)
	require.Zero(t, d.Usage().Live)
	a := alloc(t, d, 100)
	require.Equal(t, 1, d.Usage().Live)
	require.NoError(t, a.Buffer.Free())
	require.NoError(t, a.Buffer.Free(), "a second time")
	require.Zero(t, d.Usage().InUse)
}

func TestACommandThatUsesFreedMemoryFails(t *testing.T) {
	for freed := range 2 {
		d := open(t, loader(t), Options{})
		args := []device.Arg{tensor(t, d, 1), tensor(t, d, 1)}
		run := bindNeg(t, args[0], args[1])
		within, err := d.BindWithin(args[1].Slice, args[0].Slice)
		require.NoError(t, err)
		recording, err := d.Record([]device.Command{run, within})
		require.NoError(t, err)
		require.NoError(t, run.Run())
		require.NoError(t, recording.Run())
		require.NoError(t, args[freed].Slice.Buffer.Free(), "while work on it is queued")
		require.EqualError(t, run.Run(), "device cuda:0: kernel neg uses memory that has been freed")
		require.ErrorContains(t, within.Run(), "uses memory that has been freed")
		require.ErrorContains(t, recording.Run(), "uses memory that has been freed")
		_, err = d.Bind(neg(t, args[0], args[1]))
		require.ErrorContains(t, err, "has been freed")
		_, err = d.BindFromHost(args[freed].Slice, make([]byte, 4))
		require.ErrorContains(t, err, "has been freed")
		_, err = d.Record([]device.Command{run})
		require.ErrorContains(t, err, "has been freed")
		require.NoError(t, d.Sync())
	}
}

func TestAClosedDeviceHasNothingLeftAndFailsEveryCall(t *testing.T) {
	for index := range 2 {
		l := loader(t)
		if devices, _ := l.discover(); index >= len(devices) {
			continue // a second one, which has no pools where the fake plays it
		}
		d := openNumber(t, l, index, Options{})
		whole := alloc(t, d, 1<<16)
		var runs []device.Command
		for i := range int64(10) {
			x := device.Arg{Slice: device.Slice{Buffer: whole.Buffer, Offset: i * alignment, Bytes: 8}, DType: "f32", Shape: []int{2}}
			runs = append(runs, bindNeg(t, x, x))
			require.NoError(t, runs[i].Run())
		}
		recording, err := d.Record(runs)
		require.NoError(t, err)
		require.NoError(t, recording.Run())
		up, err := d.BindFromHost(whole, make([]byte, 1<<16))
		require.NoError(t, err)
		require.NoError(t, up.Run())
		require.NoError(t, d.Close())
		for f := range l.live {
			require.Zero(t, l.live[f].Load(), "handles that %s should have had", function(f))
		}
		require.NoError(t, d.Close(), "a second time")
		require.ErrorContains(t, runs[0].Run(), "is closed")
		require.ErrorContains(t, recording.Run(), "is closed")
		require.ErrorContains(t, up.Run(), "is closed")
		require.ErrorContains(t, d.Sync(), "is closed")
		_, err = d.Alloc(1)
		require.ErrorContains(t, err, "is closed")
		_, err = d.BindToHost(make([]byte, 1<<16), whole)
		require.ErrorContains(t, err, "is closed")
		require.NoError(t, whole.Buffer.Free())
		recording.Free()
	}
}
