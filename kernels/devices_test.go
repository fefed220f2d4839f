package kernels_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/device/metal"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
	"github.com/flowrun/flowrun/kernels"
)

// devices are what the suite runs on: those that are always there, and what
// OpenCL has. If it has none, the suite's part for it is skipped, with the reason.
// PoCL compiles some 400 programs at first, which takes minutes, and finds them in
// its cache from then on; with -short there are fewer.
func devices(t testing.TB) []device.Device {
	t.Helper()
	all := append([]device.Device{cpu.New("cpu"), sim.New("sim:0", sim.Options{})}, openclDevices(t)...)
	if _, err := emulator.Compiler(); err == nil {
		for _, in := range []dialect{inCUDA, inMetal} {
			d := openEmulated(t, in, sourcesToTry(t), emulator.None, kernels.Limits{Group: 1024})
			all = append(all, d, d.running(emulator.Backwards))
			if in.language == "metal" { // whose devices may flush
				all = append(all, d.running(emulator.Flushing))
			}
		}
	}
	return all
}

// fromSource tells devices that compile the kernels' sources.
func fromSource(d device.Device) bool { return d.Info().Language != "" }

// hasAny tells a choice that one of some dtypes is in.
func hasAny(dtypes []string, types map[string]string) bool {
	for _, dtype := range types {
		if slices.Contains(dtypes, dtype) {
			return true
		}
	}
	return false
}

// overlayVariable names a folder of sources to be tried instead of those that are
// built in: FLOWRUN_KERNELS=my/kernels go test ./kernels.
const overlayVariable = "FLOWRUN_KERNELS"

func sourcesToTry(t testing.TB) *kernels.Sources {
	t.Helper()
	sources, err := triedSources()
	require.NoError(t, err)
	return sources
}

func triedSources() (*kernels.Sources, error) {
	if dir := os.Getenv(overlayVariable); dir != "" {
		return kernels.Overlay(dir)
	}
	return kernels.Embedded(), nil
}

// fusingDevices are those whose kernels can be fused: their sources are compiled
// when they are needed, or their parts run block by block.
func fusingDevices(t testing.TB) []device.Device {
	t.Helper()
	all := append([]device.Device{cpu.New("cpu")}, openclDevices(t)...)
	if _, err := emulator.Compiler(); err == nil {
		for _, in := range []dialect{inCUDA, inMetal} {
			all = append(all, openEmulated(t, in, sourcesToTry(t), emulator.None, kernels.Limits{Group: 1024}))
		}
	}
	return all
}

// openclDevices are OpenCL's devices. They stay open for all tests, which build the same
// kernels.
func openclDevices(t testing.TB) []device.Device {
	t.Helper()
	all, err := openedOpenCL()
	require.NoError(t, err)
	return all
}

var openedOpenCL = sync.OnceValues(func() (all []device.Device, err error) {
	sources, err := triedSources()
	if err != nil {
		return nil, err
	}
	found, _ := opencl.Discover()
	for i := range found {
		d, err := opencl.Open(i, device.Options{Sources: sources, Fault: keepNoPrograms})
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
})

// keepNoPrograms keeps the driver from storing programs in its own cache: PoCL has one
// too, and if asked for a program compiles its kernel once more, for groups of any size,
// which would double the time of this package's tests. Those of the driver use its cache.
func keepNoPrograms(call string) int32 {
	if call == "clGetProgramInfo" {
		return -5 // CL_OUT_OF_RESOURCES
	}
	return 0
}

func TestMain(m *testing.M) {
	code := m.Run()
	all, err := openedOpenCL()
	for _, d := range all {
		err = errors.Join(err, d.Close())
	}
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "OpenCL:", err)
		code = 1
	}
	os.Exit(code)
}

// isEmulated tells devices that run kernels thread by thread.
func isEmulated(d device.Device) bool {
	_, metal := d.(*metal.Device)
	return d.Info().Description == "emulator" || isInterpreted(d) || metal && fakemetal.Loaded()
}
