package cuda

import (
	"testing"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/queue"
	"github.com/flowrun/flowrun/internal/drivertest"
)

func TestTheDriverDoesWhatEveryDriverMust(t *testing.T) {
	mismatches := map[string]string{
		"#ifndef FUSED\nextern \"C\" __global__ void neg(float *out) { }\n#endif\n": "its entry point flowrun_neg: cuModuleGetFunction: CUDA_ERROR_NOT_FOUND (500)",
	}
	if loader(t).has(cuFuncGetParamInfo) { // with a driver for CUDA 12.4 or newer
		mismatches["extern \"C\" __global__ void flowrun_neg(float *out) { }\n"] =
			"flowrun_neg has 1 parameters in its source, but 3 in the manifest"
		mismatches["extern \"C\" __global__ void flowrun_neg(const float *x, float *out, double n) { }\n"] =
			"parameter 3 of flowrun_neg has 8 bytes in its source, but 4 in the manifest"
	}
	drivertest.Run(t, drivertest.Driver{
		Kind:        "cuda",
		Library:     func(t testing.TB) drivertest.Library { return loader(t) },
		Neg:         negSource,
		Broken:      []string{"it doesn't compile with --std=c++17 --gpu-architecture=", "nvrtcCompileProgram: NVRTC_ERROR_COMPILATION (6)"},
		Mismatches:  mismatches,
		Failure:     "(999)",
		Waits:       []string{"cuStreamSynchronize"},
		Spare:       []string{"cuModuleLoadDataEx"}, // used by the cache
		SpareCached: []string{"cuModuleGetFunction", "cuFuncGetAttribute", "cuFuncGetParamInfo"},
		Compile:     "nvrtcCompileProgram",
		Cached:      true,
		Sizes:       []int{maxStaged, stagingBytes},
		Queued:      func(d device.Device) int { return d.(*Device).queued.Len() },
		MaxQueued:   queue.Max,
	})
}
