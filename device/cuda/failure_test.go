package cuda

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cuda/fake"
	"github.com/flowrun/flowrun/kernels"
)

const unknown = 999 // CUDA_ERROR_UNKNOWN: after it the device may be well

func TestWorkThatFailsLaterIsReportedWithItsNames(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	x := tensor(t, d, 1, 2)
	run := bindNeg(t, x, x)
	recording, err := d.Record([]device.Command{run, run})
	require.NoError(t, err)
	down, err := d.BindToHost(make([]byte, 8), x.Slice)
	require.NoError(t, err)
	up, err := d.BindFromHost(x.Slice, make([]byte, 8))
	require.NoError(t, err)
	for name, notice := range map[string]struct {
		by     func() error
		failed []function
	}{
		"by waiting":            {d.Sync, []function{cuStreamSynchronize}},
		"by reading":            {down.Run, []function{cuMemcpyDtoHAsync, cuStreamSynchronize}},
		"by the next launch":    {run.Run, []function{cuLaunchKernel, cuStreamSynchronize}},
		"by the next recording": {recording.Run, []function{cuGraphLaunch, cuStreamSynchronize}},
		"by the next copy":      {up.Run, []function{cuMemcpyHtoDAsync, cuStreamSynchronize}},
	} {
		l.fault = nil
		require.NoError(t, d.Sync())
		require.NoError(t, run.Run())
		require.NoError(t, recording.Run())
		require.NoError(t, up.Run())
		l.fail(unknown, notice.failed...)
		err := notice.by()
		late := new(device.Late)
		require.ErrorAs(t, err, &late, name)
		require.Equal(t, []string{"neg", "a copy from the host"}, late.Work[:2], name)
		require.ErrorContains(t, err, "device cuda:0: one of neg, a copy from the host")
		require.ErrorContains(t, err, " has failed: ")
		require.ErrorContains(t, err, "CUDA_ERROR_UNKNOWN (999)")
	}
	l.fault = nil
}

func TestACallThatFailsAloneLeavesEarlierWorkStanding(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	x, y := tensor(t, d, 1, 2), tensor(t, d, 0, 0)
	first, second := bindNeg(t, x, x), bindNeg(t, x, y)
	recording, err := d.Record([]device.Command{second})
	require.NoError(t, err)
	require.NoError(t, first.Run())
	l.fail(errorOutOfMemory, cuLaunchKernel, cuGraphLaunch)
	require.EqualError(t, second.Run(), "device cuda:0: kernel neg: cuLaunchKernel: CUDA_ERROR_OUT_OF_MEMORY (2): out of memory")
	err = recording.Run()
	require.EqualError(t, err, "device cuda:0: a recording of 1 launches and copies: cuGraphLaunch: CUDA_ERROR_OUT_OF_MEMORY (2): out of memory")
	require.NotErrorAs(t, err, new(*device.Late))
	l.fault = nil
	require.NoError(t, second.Run(), "a command that failed may be run again")
	require.NoError(t, recording.Run())
	require.Equal(t, f32(1, 2), read(t, y.Slice))
}

// diverging is neg that half of a block's threads leave before a barrier: what
// CUDA calls undefined, and the emulator an error.
const diverging = `extern "C" __global__ void flowrun_neg(const float *x, float *out, int n) {
    if (threadIdx.x < 16) { return; }
    __syncthreads();
    out[0] = x[0];
}
`

// faulting is neg that reads memory which isn't there.
const faulting = `extern "C" __global__ void flowrun_neg(const float *x, float *out, int n) {
    out[0] = x[(long long)1 << 40];
}
`

func TestALostDeviceSaysSoAndGivesEverythingBack(t *testing.T) {
	l := loader(t)
	if !fakeDevices() {
		t.Skip("a real device would be lost to the tests that follow: TestALostRealDevice is run by itself")
	}
	sources, _ := overlay(t, "neg.cu", diverging)
	lose(t, l, sources)
}

func TestALostRealDevice(t *testing.T) {
	l := loader(t)
	if fakeDevices() || !onlyThis() {
		t.Skip("loses the device: run it by itself on a GPU, with -run '^TestALostRealDevice$'")
	}
	sources, _ := overlay(t, "neg.cu", faulting)
	lose(t, l, sources)
}

func lose(t *testing.T, l *library, sources *kernels.Sources) {
	d, err := l.start(0, Options{Sources: sources})
	require.NoError(t, err)
	x := tensor(t, d, make([]float32, 32)...)
	run := bindNeg(t, x, x)
	recording, err := d.Record([]device.Command{run})
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	require.NoError(t, run.Run())
	err = d.Sync()
	late := new(device.Late)
	require.ErrorAs(t, err, &late)
	require.Equal(t, []string{"neg"}, late.Work)
	require.ErrorContains(t, err, "device cuda:0: one of neg has failed: cuStreamSynchronize: CUDA_ERROR_")
	require.ErrorContains(t, err, "; the device is lost to this process")
	for _, c := range []device.Command{run, recording} {
		err = c.Run()
		require.ErrorContains(t, err, "device cuda:0: is lost to this process, and flowrun has to be started anew to use it: cuStreamSynchronize: CUDA_ERROR_")
		require.NotErrorAs(t, err, &late, "nothing is in doubt that wasn't before")
	}
	_, err = d.Alloc(1)
	require.ErrorContains(t, err, "is lost")
	recording.Free()
	require.NoError(t, x.Slice.Buffer.Free())
	require.Zero(t, d.Usage().Live)
	require.NoError(t, d.Close())
}

func fakeDevices() bool { return fake.Loaded() }

// onlyThis reports whether the test was asked for by name.
func onlyThis() bool {
	return strings.Contains(flag.Lookup("test.run").Value.String(), "TestALostRealDevice")
}

// TestAFailureOfAnyCallIsAnErrorAndLeavesNoHandle lets each call of the libraries
// fail in turn, from opening the device to closing it.
func TestAFailureOfAnyCallIsAnErrorAndLeavesNoHandle(t *testing.T) {
	work := func(l *library) (err error) {
		d, err := l.start(0, Options{})
		if err != nil {
			return err
		}
		defer func() {
			if closed := d.Close(); err == nil {
				err = closed
			}
		}()
		b, err := d.Alloc(2 * alignment)
		if err != nil {
			return err
		}
		part := func(i int64) device.Arg {
			return device.Arg{Slice: device.Slice{Buffer: b, Offset: i * alignment, Bytes: 8}, DType: "f32", Shape: []int{2}}
		}
		result := make([]byte, 8)
		var commands []device.Command
		for _, bind := range []func() (device.Command, error){
			func() (device.Command, error) { return d.BindFromHost(part(0).Slice, f32(1, 2)) },
			func() (device.Command, error) { return d.Bind(neg(t, part(0), part(1))) },
			func() (device.Command, error) { return d.BindWithin(part(0).Slice, part(1).Slice) },
			func() (device.Command, error) { return d.Record(commands[1:3]) },
			func() (device.Command, error) { return d.BindToHost(result, part(0).Slice) },
		} {
			c, err := bind()
			if err != nil {
				return err
			}
			commands = append(commands, c)
		}
		for _, c := range commands {
			if err := c.Run(); err != nil {
				return err
			}
		}
		require.Equal(t, f32(1, 2), result)
		commands[3].(device.Recording).Free()
		return b.Free()
	}
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	calls := 0
	run := func(failing int) (at function, err error) {
		l := loader(t)
		calls = 0
		l.fault = func(f function) int32 {
			if calls++; calls-1 == failing {
				at = f
				return unknown
			}
			return 0
		}
		err = work(l)
		for f := range l.live {
			require.Zero(t, l.live[f].Load(), "call %d, %s, failed: handles that %s should have had", failing, at, function(f))
		}
		return at, err
	}
	for _, cached := range []bool{false, true} {
		_, err := run(-1)
		require.NoError(t, err)
		total := calls
		require.Greater(t, total, 40)
		for i := range total {
			if !cached {
				t.Setenv("FLOWRUN_CACHE", t.TempDir())
			}
			at, err := run(i)
			if err == nil { // what the driver can do without: the cache
				require.Contains(t, []function{cuModuleLoadDataEx}, at, "call %d", i)
				continue
			}
			require.ErrorContains(t, err, "cuda:0", "call %d", i)
			require.ErrorContains(t, err, at.String()+": ", "call %d", i)
			require.ErrorContains(t, err, "(999)", "call %d", i)
		}
	}
}
