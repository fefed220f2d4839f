package cuda

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	fakecuda "github.com/flowrun/flowrun/internal/fakegpu/cuda"
	"github.com/flowrun/flowrun/kernels"
)

// TestMain gives the tests their own cache.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "flowrun-cuda")
	if err == nil {
		ownCache = folder
		defer os.RemoveAll(folder)
	}
	m.Run()
}

var ownCache string

// loader returns the libraries with their own handle counts and faults. The test is
// skipped without a CUDA device, and fails if a handle is left at its end.
func loader(t testing.TB) *library {
	t.Helper()
	fakecuda.Need(t)
	if os.Getenv("FLOWRUN_CACHE") == "" || !strings.HasPrefix(os.Getenv("FLOWRUN_CACHE"), os.TempDir()) {
		t.Setenv("FLOWRUN_CACHE", ownCache)
	}
	shared, err := load()
	require.NoError(t, err)
	l := shared.faulty(nil)
	t.Cleanup(func() { drivertest.RequireNothingLeft(t, l) })
	return l
}

// open opens the first GPU; it is closed at the end of the test.
func open(t testing.TB, l *library, sources *kernels.Sources) *Device {
	return openNumber(t, l, 0, sources)
}

func openNumber(t testing.TB, l *library, index int, sources *kernels.Sources) *Device {
	t.Helper()
	d, err := l.start(index, device.Options{Sources: sources})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// fail makes the calls of some functions fail.
func (l *library) fail(code int32, functions ...function) {
	l.fault = drivertest.Failing(code, functions...)
}

// Open opens a GPU, for the common driver suite.
func (l *library) Open(index int, sources *kernels.Sources) (drivertest.Device, error) {
	d, err := l.start(index, device.Options{Sources: sources})
	if err != nil {
		return nil, err
	}
	d.precompiled = nil // the fake doesn't run PTX
	return d, nil
}

// Fault makes calls fail.
func (l *library) Fault(fails func(call string) bool) {
	l.fault = drivertest.Faults[function](unknown, fails)
}

// Live counts unreleased handles.
func (l *library) Live() map[string]int64 {
	return drivertest.Live(l.live[:], func(f int) string { return function(f).String() })
}

// negSource is neg with the given body, on the third line. One thread does everything, as
// the manifest's thread count differs from the number of elements.
func negSource(body string) string {
	return "extern \"C\" __global__ void flowrun_neg(const float *x, float *out, int n) {\n" +
		"    for (int i = 0; blockIdx.x + threadIdx.x == 0 && i < n; i++) {\n" + body + "\n    }\n}\n"
}
