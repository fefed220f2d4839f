package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

const (
	allocationFailure = -4 // CL_MEM_OBJECT_ALLOCATION_FAILURE
	outOfResources    = -5 // CL_OUT_OF_RESOURCES
)

// onOpenCL needs two devices; where PoCL is what there is, it has two.
var onOpenCL = &driver{
	kind: "opencl",
	need: func(t *testing.T) int {
		t.Setenv("POCL_DEVICES", "pthread pthread")
		found, missing := opencl.Discover()
		if len(found) < 2 {
			t.Skipf("needs two OpenCL devices; there are %d: %s", len(found), missing)
		}
		return len(found)
	},
	open: func(index int, fails func(string) bool) (drivenDevice, error) {
		return opencl.Open(index, device.Options{Fault: func(function string) int32 {
			switch {
			case fails == nil || !fails(function):
				return 0
			case function == "clCreateBuffer":
				return allocationFailure
			}
			return outOfResources
		}})
	},
	failure: func(err error) bool {
		var failure *opencl.Error
		return errors.As(err, &failure) && (failure.Code == allocationFailure || failure.Code == outOfResources)
	},
	programs: "30",
	stride:   1,
	faulty: []string{"clCreateBuffer", "clCreateSubBuffer", "clCreateKernel", "clSetKernelArg", "clEnqueueNDRangeKernel",
		"clEnqueueReadBuffer", "clEnqueueWriteBuffer", "clReleaseKernel", "clReleaseMemObject"},
}

func TestOnOpenCLEveryReadIsFreshAndEveryRunIsNeeded(t *testing.T) { onOpenCL.everyReadIsFresh(t) }
func TestMathNetLearnsOnOpenCLWithItsWeightsAnywhere(t *testing.T) { onOpenCL.mathNetLearns(t) }
func TestOnOpenCLARetryAfterAnyFaultGivesTheFaultFreeResult(t *testing.T) {
	onOpenCL.anyCallFails(t)
}

// TestOnOpenCLARetryAfterAnyBuildFaultGivesTheFaultFreeResult does the
// same to the first step on a device of its own, with those calls by which programs
// are read from the cache on disk, or built.
func TestOnOpenCLARetryAfterAnyBuildFaultGivesTheFaultFreeResult(t *testing.T) {
	host := onOpenCL.machines(t)(t, 0)[0]
	p := faultProgram(t)
	first := func(failing int) (w *ir.Tensor, c *calls, names []string) {
		d, c := onOpenCL.watched(t)
		devices := []device.Device{host, d}
		s, err := engine.New(plan(t, p, devices, lower.Options{Default: 1}), devices, engine.Options{DataSources: p.sources})
		require.NoError(t, err)
		require.NoError(t, s.SetAll(p.values))
		c.begin(failing, false)
		again(t, c, s, p.values, func() error { return s.Step(ctx) })
		names = slices.Clone(c.names)
		c.happened()
		w = get(t, s, "w")
		require.NoError(t, s.Close())
		closed(t, d, c)
		return w, c, names
	}
	want, _, names := first(0)
	faults := map[string]int{}
	for at, function := range names {
		if strings.Contains(function, "Program") || strings.HasPrefix(function, "clGetKernel") || function == "clCreateKernel" {
			got, c, _ := first(at + 1)
			require.Equal(t, function, c.failed)
			same(t, want, got, fmt.Sprintf("w, where %s failed, call %d", function, at+1))
			faults[function]++
		}
	}
	for _, name := range []string{"clCreateProgramWithBinary", "clBuildProgram", "clGetKernelInfo", "clGetKernelWorkGroupInfo"} {
		require.Greater(t, faults[name], 5, name)
	}
}

// TestOnOpenCLLosingTheDeviceEndsTheRun lets all calls from some point on fail, as
// they do when a device is lost, from every point of some steps in turn.
func TestOnOpenCLLosingTheDeviceEndsTheRun(t *testing.T) {
	sc := onOpenCL.scene(t)
	c := sc.calls
	loop := engine.Loop{Step: "step", MaxSteps: 8}
	for at := 1; ; at += sparse() {
		s, err := engine.New(sc.plan, sc.devices, engine.Options{DataSources: sc.program.sources})
		require.NoError(t, err)
		require.NoError(t, s.SetAll(sc.program.values))
		steps(t, s, 3)
		c.begin(at, true)
		_, err = s.Run(ctx, loop)
		if c.failed == "" {
			c.happened()
			require.NoError(t, err)
			require.NoError(t, s.Close())
			require.Greater(t, at, 50)
			break
		}
		c.requireNamed(t, err)
		poisoned := new(engine.Poisoned)
		if errors.As(err, &poisoned) {
			require.ErrorAs(t, second(s.Get("w")), &poisoned)
		}
		require.Error(t, s.SetAll(sc.program.values), "it can't be restored there")
		require.Error(t, s.Step(ctx))
		require.Error(t, second(s.Get("right")))
		if err := s.Close(); err != nil {
			require.ErrorContains(t, err, "CL_OUT_OF_RESOURCES")
			require.Less(t, strings.Count(err.Error(), "\n"), 10, "it says nothing twice: %v", err)
		}
		c.happened()
		sc.unused(t, fmt.Sprintf("the device was lost at %s, call %d", c.failed, at))
	}
	closed(t, sc.device, c)
}

func TestOnOpenCLSmallerBatchesHaveTheBitsOfStatesMovedByHand(t *testing.T) {
	onOpenCL.smallerBatches(t)
}
