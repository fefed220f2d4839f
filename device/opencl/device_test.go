package opencl

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
)

func TestDevicesAreNumberedGPUsFirst(t *testing.T) {
	l := loader(t)
	devices, missing := l.discover()
	require.Empty(t, missing)
	gpu := true
	for i, d := range devices {
		require.Equal(t, "opencl:"+string(rune('0'+i)), d.Name)
		require.Equal(t, "opencl", d.Kind)
		require.Contains(t, d.Description, d.platform)
		require.Positive(t, d.Memory)
		require.Positive(t, d.Alignment)
		require.False(t, d.Auto && !gpu, "%s, a GPU, comes after another device", d.Name)
		gpu = d.Auto
	}
	d := open(t, l, nil)
	require.Equal(t, "opencl:0", d.Name())
	require.Equal(t, devices[0].Info, d.Info())
}

func TestMissingRequirementsAreNamed(t *testing.T) {
	l := loader(t)
	drivertest.MissingIsNamed(t, "opencl", []drivertest.Missing[function]{
		{Name: "no driver", Function: clGetPlatformIDs, Code: -1001, Want: l.name + " is installed, but no driver is registered with it"},
		{Name: "a broken loader", Function: clGetPlatformIDs, Code: -6, Want: "can't list platforms: clGetPlatformIDs: CL_OUT_OF_HOST_MEMORY (-6)"},
		{Name: "no device", Function: clGetDeviceIDs, Code: -1, Want: "has no usable device: "},
		{Name: "a broken driver", Function: clGetDeviceInfo, Code: -33, Want: "clGetDeviceInfo: CL_INVALID_DEVICE (-33)"},
	}, l.fail, func() (int, string) {
		devices, missing := l.discover()
		return len(devices), missing
	}, func(index int) error {
		_, err := l.start(index, device.Options{})
		return err
	})
}

func TestAnErrorHasTheNamesOfTheStandard(t *testing.T) {
	l := loader(t)
	err := l.call(clReleaseContext, 0)
	require.EqualError(t, err, "clReleaseContext: CL_INVALID_CONTEXT (-34)")
	_, err = l.create(clCreateContext, 0, 0, 0, 0, 0)
	require.EqualError(t, err, "clCreateContext: CL_INVALID_VALUE (-30)")
	require.EqualError(t, &Error{"clFinish", -9999}, "clFinish: an error that the standard doesn't name (-9999)")
	for f, name := range functions {
		require.True(t, strings.HasPrefix(name, "cl"), "function %d has no name", f)
	}
}

func TestAllocationsAreLimited(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	_, err := d.Alloc(d.info.maxAlloc + 1)
	require.ErrorContains(t, err, "out of memory")
	require.ErrorContains(t, err, "CL_DEVICE_MAX_MEM_ALLOC_SIZE")
	l.fail(memAllocationFailed, clCreateBuffer)
	_, err = d.Alloc(100)
	require.ErrorContains(t, err, "device opencl:0: out of memory: 100 bytes requested")
	require.ErrorContains(t, err, "clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)")
	l.fault = nil
}

func TestAFreedBufferTakesItsKernelsWithIt(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	x, y := drivertest.Tensor(t, d, 1), drivertest.Tensor(t, d, 1)
	run := drivertest.BindNeg(t, x, y)
	require.NoError(t, run.Run())
	require.Equal(t, int64(1), l.live[clReleaseKernel].Load())
	require.NoError(t, x.Slice.Buffer.Free(), "while work on it is queued")
	require.Zero(t, l.live[clReleaseKernel].Load())
}

func TestACodeCanMeanThatEarlierWorkFailed(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	x := drivertest.Tensor(t, d, 1)
	down, err := d.BindToHost(make([]byte, 4), x.Slice)
	require.NoError(t, err)
	require.NoError(t, drivertest.BindNeg(t, x, x).Run())
	l.fail(eventsInWaitList, clEnqueueReadBuffer)
	late := new(device.Late)
	require.ErrorAs(t, down.Run(), &late)
	require.Contains(t, late.Work, "neg")
	l.fault = nil
}
