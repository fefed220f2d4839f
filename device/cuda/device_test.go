package cuda

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
)

func TestDevicesAreNumberedInTheDriversOrder(t *testing.T) {
	l := loader(t)
	devices, missing := l.discover()
	require.Empty(t, missing)
	for i, d := range devices {
		require.Equal(t, "cuda:"+string(rune('0'+i)), d.Name)
		require.Equal(t, "cuda", d.Kind)
		require.Contains(t, d.Description, "compute capability ")
		require.Positive(t, d.Memory)
	}
	d := open(t, l, nil)
	require.Equal(t, "cuda:0", d.Name())
	require.Equal(t, devices[0], d.Info())
	require.Contains(t, d.info.driver, "CUDA ")
	require.GreaterOrEqual(t, d.info.capability, 50)
}

func TestMissingRequirementsAreNamed(t *testing.T) {
	l := loader(t)
	drivertest.MissingIsNamed(t, "cuda", []drivertest.Missing[function]{
		{Name: "no device", Function: cuDeviceGetCount, Code: errorNoDevice, Want: l.name + " is installed, but there is no device"},
		{Name: "a broken driver", Function: cuDeviceGetCount, Code: 999, Want: "can't list devices: cuDeviceGetCount: CUDA_ERROR_UNKNOWN (999)"},
		{Name: "no device that can be used", Function: cuDeviceGetName, Code: 1, Want: "cuda:0: cuDeviceGetName: CUDA_ERROR_INVALID_VALUE (1)"},
	}, l.fail, func() (int, string) {
		devices, missing := l.discover()
		return len(devices), missing
	}, func(index int) error {
		_, err := l.start(index, device.Options{})
		return err
	})
}

func TestAnErrorHasTheNamesOfTheAPI(t *testing.T) {
	l := loader(t)
	require.EqualError(t, l.failure(cuLaunchKernel, 1), "cuLaunchKernel: CUDA_ERROR_INVALID_VALUE (1): invalid argument")
	require.EqualError(t, l.failure(nvrtcCompileProgram, 6), "nvrtcCompileProgram: NVRTC_ERROR_COMPILATION (6)")
	require.EqualError(t, l.failure(cuInit, -9999), "cuInit: an error without a name (-9999)")
	for f, name := range functions {
		require.True(t, strings.HasPrefix(name, "cu") || strings.HasPrefix(name, "nvrtc"), "function %d has no name", f)
		require.Equal(t, strings.HasPrefix(name, "nvrtc"), function(f).ofCompiler(), name)
	}
}

func TestOutOfMemoryErrorsReportTheFreeMemory(t *testing.T) {
	l := loader(t)
	d := open(t, l, nil)
	l.fail(errorOutOfMemory, cuMemAllocAsync, cuMemAlloc)
	_, err := d.Alloc(100)
	require.ErrorContains(t, err, "device cuda:0: out of memory: 100 bytes requested, ")
	require.ErrorContains(t, err, " are free: ")
	require.ErrorContains(t, err, "CUDA_ERROR_OUT_OF_MEMORY (2): out of memory")
	l.fault = nil
}
