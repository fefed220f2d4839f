package opencl

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	"github.com/flowrun/flowrun/kernels"
)

// TestMain gives the tests their own cache, and two devices if PoCL is the only driver.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "flowrun-opencl")
	if err == nil {
		os.Setenv("FLOWRUN_CACHE", folder)
		os.Setenv("POCL_DEVICES", "pthread pthread")
		defer os.RemoveAll(folder)
	}
	m.Run()
}

// loader returns the loader with its own handle counts and faults. The test is skipped
// without an OpenCL device, and fails if a handle is left at its end.
func loader(t testing.TB) *library {
	t.Helper()
	devices, missing := Discover()
	if len(devices) == 0 {
		t.Skipf("needs an OpenCL device: %s", missing)
	}
	shared, err := load()
	require.NoError(t, err)
	l := shared.faulty(nil)
	t.Cleanup(func() { drivertest.RequireNothingLeft(t, l) })
	return l
}

// open opens the first device; it is closed at the end of the test.
func open(t testing.TB, l *library, sources *kernels.Sources) *Device {
	t.Helper()
	d, err := l.start(0, device.Options{Sources: sources})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// fail makes the calls of some functions fail.
func (l *library) fail(code int32, functions ...function) {
	l.fault = drivertest.Failing(code, functions...)
}

// Open opens a device, for the common driver suite.
func (l *library) Open(index int, sources *kernels.Sources) (drivertest.Device, error) {
	return drivertest.Opened(l.start(index, device.Options{Sources: sources}))
}

// Fault makes calls fail.
func (l *library) Fault(fails func(call string) bool) {
	l.fault = drivertest.Faults[function](outOfResources, fails)
}

// Live counts unreleased handles.
func (l *library) Live() map[string]int64 {
	return drivertest.Live(l.live[:], func(f int) string { return function(f).String() })
}

// negSource is neg with the given body, on the third line.
func negSource(body string) string {
	return "__kernel void flowrun_neg(__global const float *x, __global float *out, int n) {\n" +
		"  int i = get_global_id(0);\n  if (i < n) { " + body + " }\n}\n"
}
