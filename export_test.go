package flowrun

// FaultyOpenCL lets calls of the OpenCL driver fail, as opencl.Options.Fault does.
func FaultyOpenCL(fault func(function string) (code int32)) StartOption {
	return func(o *startOptions) { o.fault = fault }
}
