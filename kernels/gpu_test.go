package kernels_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device/cuda"
	"github.com/flowrun/flowrun/device/cuda/fake"
)

// TestKernelsAgreeWithTheReferenceOnAGPU is the conformance suite on the first GPU.
// Without one, the emulator stands in for it in the other tests.
func TestKernelsAgreeWithTheReferenceOnAGPU(t *testing.T) {
	fake.Need(t)
	if fake.Loaded() {
		t.Skip("needs a GPU")
	}
	d, err := cuda.Open(0, cuda.Options{Sources: sourcesToTry(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	for _, k := range load(t).Kernels() {
		for _, op := range k.Ops {
			t.Run(k.Name, func(t *testing.T) { conform(t, d, k, op) })
		}
	}
}
