package flowrun

import (
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/internal/files"
)

// FaultyOpenCL lets calls of the OpenCL driver fail, as opencl.Options.Fault does.
func FaultyOpenCL(fault func(function string) (code int32)) StartOption {
	return func(o *startOptions) { o.fault = fault }
}

// FaultyFiles lets operations on the files of checkpoints fail, as files.Fault does.
func FaultyFiles(fault files.Fault) StartOption {
	return func(o *startOptions) { o.files = fault }
}

// Simulated makes simulated devices other than plain ones.
func Simulated(options sim.Options) StartOption {
	return func(o *startOptions) { o.sim = options }
}
