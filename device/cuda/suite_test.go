package cuda

import (
	"testing"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/queue"
	"github.com/flowrun/flowrun/internal/drivertest"
)

func TestTheDriverDoesWhatEveryDriverMust(t *testing.T) {
	drivertest.Run(t, drivertest.Driver{
		Kind:        "cuda",
		Library:     func(t testing.TB) drivertest.Library { return loader(t) },
		Neg:         negSource,
		Failure:     "(999)",
		Waits:       []string{"cuStreamSynchronize"},
		Spare:       []string{"cuModuleLoadDataEx"}, // of the cache
		SpareCached: []string{"cuModuleGetFunction", "cuFuncGetAttribute", "cuFuncGetParamInfo"},
		Compile:     "nvrtcCompileProgram",
		Cached:      true,
		Sizes:       []int{maxStaged, stagingBytes},
		Queued:      func(d device.Device) int { return d.(*Device).queued.Len() },
		MaxQueued:   queue.Max,
	})
}
