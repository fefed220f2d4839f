package opencl

import (
	"testing"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/queue"
	"github.com/flowrun/flowrun/internal/drivertest"
	"github.com/flowrun/flowrun/kernels"
)

// staged is a library whose devices copy like those with their own memory, or like those
// that share the host's.
type staged struct {
	*library
	ownMemory bool
}

func (s staged) Open(index int, sources *kernels.Sources) (drivertest.Device, error) {
	d, err := s.library.Open(index, sources)
	if err == nil {
		d.(*Device).staging = newStaging(s.ownMemory)
	}
	return d, err
}

func TestTheDriverDoesWhatEveryDriverMust(t *testing.T) {
	driver := func(ownMemory bool) drivertest.Driver {
		s := newStaging(ownMemory)
		return drivertest.Driver{
			Kind:    "opencl",
			Library: func(t testing.TB) drivertest.Library { return staged{loader(t), ownMemory} },
			Neg:     negSource,
			Broken:  []string{"it doesn't build with \"-cl-std=CL1.2", "clBuildProgram: CL_BUILD_PROGRAM_FAILURE (-11)"},
			Mismatches: map[string]string{
				"__kernel void flowrun_neg(__global float *out) { }\n":                                    "flowrun_neg has 1 parameters in its source, but ",
				"#ifndef FUSED\n__kernel void neg(__global float *out) { }\n#endif\n":                     "its entry point flowrun_neg: clCreateKernel: CL_INVALID_KERNEL_NAME (-46)",
				"__kernel void flowrun_neg(__global const float *x, __global float *out, double n) { }\n": "parameter 3 of flowrun_neg (4 bytes): clSetKernelArg: CL_INVALID_ARG_SIZE (-51)",
			},
			Failure: "CL_OUT_OF_RESOURCES (-5)",
			Waits:   []string{"clFinish"},
			// For the cache, or for a device that isn't the only one.
			Spare: []string{"clCreateProgramWithBinary", "clBuildProgram", "clGetProgramInfo",
				"clGetDeviceInfo", "clGetDeviceIDs", "clGetPlatformInfo"},
			SpareCached: []string{"clCreateKernel", "clGetKernelInfo", "clGetKernelWorkGroupInfo", "clReleaseKernel"},
			Compile:     "clCreateProgramWithSource",
			Cached:      true,
			Sizes:       []int{s.most, s.limit},
			Queued:      func(d device.Device) int { return d.(*Device).queued.Len() },
			MaxQueued:   queue.Max,
		}
	}
	drivertest.Run(t, driver(true))
	t.Run("in memory that is the host's too", func(t *testing.T) { drivertest.RunCopies(t, driver(false)) })
}
