package cuda

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/drivertest"
	fakecuda "github.com/flowrun/flowrun/internal/fakegpu/cuda"
	"github.com/flowrun/flowrun/kernels"
)

const unknown = 999 // CUDA_ERROR_UNKNOWN: it doesn't lose the device

// diverging is a neg in which half of a block's threads exit before a barrier: undefined
// in CUDA, an error in the emulator.
const diverging = `extern "C" __global__ void flowrun_neg(const float *x, float *out, int n) {
    if (threadIdx.x < 16) { return; }
    __syncthreads();
    out[0] = x[0];
}
`

// faulting is a neg that reads invalid memory.
const faulting = `extern "C" __global__ void flowrun_neg(const float *x, float *out, int n) {
    out[0] = x[(long long)1 << 40];
}
`

func TestALostDeviceReportsItAndReleasesEverything(t *testing.T) {
	l := loader(t)
	if !fakeDevices() {
		t.Skip("a real device would be lost to the tests that follow: TestALostRealDevice is run by itself")
	}
	sources, _ := drivertest.Overlay(t, "cuda", "neg", diverging)
	lose(t, l, sources)
}

func TestALostRealDevice(t *testing.T) {
	l := loader(t)
	if fakeDevices() || !onlyThis() {
		t.Skip("loses the device: run it by itself on a GPU, with -run '^TestALostRealDevice$'")
	}
	sources, _ := drivertest.Overlay(t, "cuda", "neg", faulting)
	lose(t, l, sources)
}

func lose(t *testing.T, l *library, sources *kernels.Sources) {
	d, err := l.start(0, device.Options{Sources: sources})
	require.NoError(t, err)
	x := drivertest.Tensor(t, d, make([]float32, 32)...)
	run := drivertest.BindNeg(t, x, x)
	capture, err := d.Capture([]device.Command{run})
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	require.NoError(t, run.Run())
	err = d.Sync()
	late := new(device.Late)
	require.ErrorAs(t, err, &late)
	require.Equal(t, []string{"neg"}, late.Work)
	require.ErrorContains(t, err, "device cuda:0: one of neg has failed: cuStreamSynchronize: CUDA_ERROR_")
	require.ErrorContains(t, err, "; the device is lost")
	for _, c := range []device.Command{run, capture} {
		err = c.Run()
		require.ErrorContains(t, err, "device cuda:0: is lost; restart flowrun to use it again: cuStreamSynchronize: CUDA_ERROR_")
		require.NotErrorAs(t, err, &late, "nothing is in doubt that wasn't before")
	}
	_, err = d.Alloc(1)
	require.ErrorContains(t, err, "is lost")
	capture.Free()
	require.NoError(t, x.Slice.Buffer.Free())
	require.Zero(t, d.Usage().Live)
	require.NoError(t, d.Close())
}

func fakeDevices() bool { return fakecuda.Loaded() }

// onlyThis reports whether the test was selected by name.
func onlyThis() bool {
	return strings.Contains(flag.Lookup("test.run").Value.String(), "TestALostRealDevice")
}
