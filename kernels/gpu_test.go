package kernels_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cuda"
	"github.com/flowrun/flowrun/device/metal"
	fakecuda "github.com/flowrun/flowrun/internal/fakegpu/cuda"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
)

// TestKernelsAgreeWithTheReferenceOnAGPU is the conformance suite on the first GPU:
// Metal's on a Mac, elsewhere CUDA's. Without one, the emulator takes its place in the
// other tests.
func TestKernelsAgreeWithTheReferenceOnAGPU(t *testing.T) {
	if runtime.GOOS == "darwin" {
		fakemetal.Need(t)
		conformAll(t, openMetal(t))
		return
	}
	fakecuda.Need(t)
	if fakecuda.Loaded() {
		t.Skip("needs a GPU")
	}
	d, err := cuda.Open(0, device.Options{Sources: sourcesToTry(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	conformAll(t, d)
}

// TestKernelsAgreeWithTheReferenceThroughMetal runs the suite through Metal's driver, on
// the fake Metal: how the driver compiles, binds and launches is compared with the
// kernels too. It does so for dtypes as a whole, so each kernel is tried in one choice of
// them, all have their turn, and the emulator alone takes them all.
func TestKernelsAgreeWithTheReferenceThroughMetal(t *testing.T) {
	fakemetal.Need(t)
	if !fakemetal.Loaded() {
		t.Skip("there is a GPU: TestKernelsAgreeWithTheReferenceOnAGPU has it")
	}
	d := openMetal(t)
	for i, k := range load(t).Kernels() {
		for _, types := range turn(i, typesOn(d, k)) {
			for _, op := range k.Ops {
				t.Run(k.Name, func(t *testing.T) { conformIn(t, d, k, op, types, casesOn(d, op)) })
			}
		}
	}
}

func openMetal(t *testing.T) device.Device {
	t.Helper()
	d, err := metal.Open(0, device.Options{Sources: sourcesToTry(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// conformAll is the suite on a device.
func conformAll(t *testing.T, d device.Device) {
	t.Helper()
	for _, k := range load(t).Kernels() {
		for _, op := range k.Ops {
			if !k.In(d.Info().Language) {
				continue
			}
			t.Run(k.Name, func(t *testing.T) { conform(t, d, k, op) })
		}
	}
}
