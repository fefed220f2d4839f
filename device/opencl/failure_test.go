package opencl

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

func TestWorkThatFailsLaterIsReportedWithItsNames(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	x := tensor(t, d, 1, 2)
	run := bindNeg(t, x, x)
	down, err := d.BindToHost(make([]byte, 8), x.Slice)
	require.NoError(t, err)
	up, err := d.BindFromHost(x.Slice, make([]byte, 8))
	require.NoError(t, err)
	for name, notice := range map[string]struct {
		by     func() error
		failed []function
		work   []string
	}{
		"by waiting":         {d.Sync, []function{clFinish}, []string{"neg", "a copy from the host"}},
		"by reading":         {down.Run, []function{clEnqueueReadBuffer, clFinish}, []string{"neg", "a copy from the host"}},
		"by the next launch": {run.Run, []function{clEnqueueNDRangeKernel, clFinish}, []string{"neg", "a copy from the host"}},
		"by the next copy":   {up.Run, []function{clEnqueueWriteBuffer, clFinish}, []string{"neg", "a copy from the host"}},
	} {
		l.fault = nil
		require.NoError(t, d.Sync())
		require.NoError(t, run.Run())
		require.NoError(t, run.Run())
		require.NoError(t, up.Run())
		l.fail(outOfResources, notice.failed...)
		err := notice.by()
		late := new(device.Late)
		require.ErrorAs(t, err, &late, name)
		require.Equal(t, notice.work, late.Work, name)
		require.ErrorContains(t, err, "device opencl:0: one of neg, a copy from the host has failed: ")
		require.ErrorContains(t, err, "CL_OUT_OF_RESOURCES (-5)")
	}
	l.fault = nil
	l.fail(eventsInWaitList, clEnqueueReadBuffer)
	require.ErrorAs(t, down.Run(), new(*device.Late), "the code that says so itself")
	l.fault = nil
}

func TestACallThatFailsAloneLeavesEarlierWorkStanding(t *testing.T) {
	l := loader(t)
	d := open(t, l, Options{})
	x, y := tensor(t, d, 1, 2), tensor(t, d, 0, 0)
	first, second := bindNeg(t, x, x), bindNeg(t, x, y)
	require.NoError(t, first.Run())
	l.fail(outOfHostMemory, clEnqueueNDRangeKernel)
	err := second.Run()
	require.EqualError(t, err, "device opencl:0: kernel neg: clEnqueueNDRangeKernel: CL_OUT_OF_HOST_MEMORY (-6)")
	require.NotErrorAs(t, err, new(*device.Late))
	l.fault = nil
	require.NoError(t, second.Run(), "a command that failed may be run again")
	require.Equal(t, f32(1, 2), read(t, y.Slice))
}

// TestAFailureOfAnyCallIsAnErrorAndLeavesNoHandle lets each call of the driver
// fail in turn, from opening the device to closing it.
func TestAFailureOfAnyCallIsAnErrorAndLeavesNoHandle(t *testing.T) {
	work := func(l *library) (err error) {
		d, err := l.open(0, Options{})
		if err != nil {
			return err
		}
		defer func() {
			if closed := d.Close(); err == nil {
				err = closed
			}
		}()
		d.staging = newStaging(true) // pinned, as on a GPU
		step := max(d.Info().Alignment, 64)
		b, err := d.Alloc(2 * step)
		if err != nil {
			return err
		}
		part := func(i int64) device.Arg {
			return device.Arg{Slice: device.Slice{Buffer: b, Offset: i * step, Bytes: 8}, DType: "f32", Shape: []int{2}}
		}
		result := make([]byte, 8)
		var commands []device.Command
		for _, bind := range []func() (device.Command, error){
			func() (device.Command, error) { return d.BindFromHost(part(0).Slice, f32(1, 2)) },
			func() (device.Command, error) { return d.Bind(neg(t, part(0), part(1))) },
			func() (device.Command, error) { return d.BindWithin(part(0).Slice, part(1).Slice) },
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
		require.Equal(t, f32(-1, -2), result)
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
				return outOfResources
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
			if err == nil { // what the driver can do without: the cache, and a device when there is another
				require.Contains(t, []function{clCreateProgramWithBinary, clBuildProgram, clGetProgramInfo, clGetDeviceInfo, clGetDeviceIDs, clGetPlatformInfo}, at, "call %d", i)
				continue
			}
			require.ErrorContains(t, err, "opencl:0", "call %d", i)
			require.ErrorContains(t, err, at.String()+": CL_OUT_OF_RESOURCES (-5)", "call %d", i)
		}
	}
}
