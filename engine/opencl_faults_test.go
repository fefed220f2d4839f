package engine_test

import (
	"errors"
	"fmt"
	"maps"
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

// calls watches the calls that an OpenCL driver makes of the C API. It counts them
// and the handles that they leave, and lets some fail.
type calls struct {
	count   int
	names   []string       // of the functions, since begin
	failing int            // the number of the call that fails, from 1; 0 for none
	lost    bool           // all later calls fail too
	failed  string         // the function of the first call that failed
	live    map[string]int // handles, by what releases them
}

// fault is asked before each call.
func (c *calls) fault(function string) int32 {
	c.count++
	c.names = append(c.names, function)
	fails := c.failing > 0 && (c.count == c.failing || c.lost && c.count > c.failing)
	if name, ok := strings.CutPrefix(function, "clRelease"); ok {
		c.live[name]-- // it is gone, whatever becomes of the call
	}
	switch {
	case fails && c.failed == "":
		c.failed = function
	case !fails && strings.HasPrefix(function, "clCreate"):
		c.live[released(function)]++
	}
	switch {
	case !fails:
		return 0
	case function == "clCreateBuffer":
		return allocationFailure
	}
	return outOfResources
}

// released is what a handle is called by the function that releases it.
func released(create string) string {
	switch name := strings.TrimPrefix(create, "clCreate"); name {
	case "Buffer", "SubBuffer":
		return "MemObject"
	case "ProgramWithSource", "ProgramWithBinary":
		return "Program"
	default:
		return name
	}
}

// begin lets one call from now on fail, and with lost all after it.
func (c *calls) begin(failing int, lost bool) {
	c.count, c.names, c.failing, c.lost, c.failed = 0, c.names[:0], failing, lost, ""
}

// happened reports whether there was such a call, and lets all succeed again.
func (c *calls) happened() bool {
	c.failing, c.lost = 0, false
	return c.failed != ""
}

// requireNamed holds an error against the call that failed.
func (c *calls) requireNamed(t *testing.T, err error) {
	t.Helper()
	var failure *opencl.Error
	require.ErrorAs(t, err, &failure)
	require.ErrorContains(t, err, "opencl:0")
	require.ErrorContains(t, err, c.failed+": ", "it names what failed")
	require.Contains(t, []int32{allocationFailure, outOfResources}, failure.Code)
}

// watched opens the first OpenCL device.
func watched(t *testing.T) (*opencl.Device, *calls) {
	t.Helper()
	c := &calls{live: map[string]int{}}
	d, err := opencl.Open(0, opencl.Options{Fault: c.fault})
	require.NoError(t, err)
	return d, c
}

// closed closes a device, on which nothing may be left.
func closed(t *testing.T, d *opencl.Device, c *calls) {
	t.Helper()
	require.NoError(t, d.Close())
	for name, left := range c.live {
		require.Zero(t, left, "handles that clRelease%s should have had", name)
	}
}

// unused says that a device holds no memory, and no more handles than before.
func unused(t *testing.T, d *opencl.Device, c *calls, before map[string]int, what string) {
	t.Helper()
	require.Zero(t, d.Usage().Live, "buffers, %s", what)
	require.Zero(t, d.Usage().InUse, "bytes, %s", what)
	maps.DeleteFunc(c.live, func(_ string, n int) bool { return n == 0 })
	require.Equal(t, before, c.live, "handles, %s", what)
}

// scene is a program on a host and an OpenCL device, with what each act gives where
// nothing fails, and the states before it.
type scene struct {
	program *program
	plan    *lower.Plan
	devices []device.Device
	before  []map[string]*ir.Tensor
	results []*ir.Tensor
}

// newScene runs all acts once; the device's programs are built with it.
func newScene(t *testing.T, host device.Device, d *opencl.Device) *scene {
	t.Helper()
	sc := &scene{program: faultProgram(t), devices: []device.Device{host, d}}
	sc.plan = plan(t, sc.program, sc.devices, lower.Options{Default: 1, Rules: []lower.Rule{{Match: "host.*", Device: "cpu"}}})
	s := session(t, sc.plan, sc.devices, engine.Options{Sources: sc.program.sources})
	require.NoError(t, s.SetAll(sc.program.values))
	for _, a := range acts() {
		sc.before = append(sc.before, snapshot(t, s))
		v, err := a.do(s)
		require.NoError(t, err)
		sc.results = append(sc.results, v)
	}
	require.NoError(t, s.Close())
	return sc
}

// play runs all acts in a session of its own, of which one call may fail. Whatever
// fails must name the call; it is tried again, after what the error asks for has been
// restored. Every read must give what it gives where nothing fails.
func (sc *scene) play(t *testing.T, c *calls, o engine.Options) {
	o.Sources = sc.program.sources
	s, err := engine.New(sc.plan, sc.devices, o)
	if err != nil {
		c.requireNamed(t, err)
		return
	}
	again(t, c, s, sc.program.values, func() error { return s.SetAll(sc.program.values) })
	for i, a := range acts() {
		var v *ir.Tensor
		again(t, c, s, sc.before[i], func() (err error) { v, err = a.do(s); return err })
		if sc.results[i] != nil {
			same(t, sc.results[i], v, fmt.Sprintf("%s (act %d), where %s failed, call %d", a.name, i, c.failed, c.failing))
		}
	}
	if err := s.Close(); err != nil {
		c.requireNamed(t, err)
	}
}

// again calls f until it doesn't fail, restoring what the errors ask for.
func again(t *testing.T, c *calls, s *engine.Session, states map[string]*ir.Tensor, f func() error) {
	t.Helper()
	for range 2 {
		err := f()
		if err == nil {
			return
		}
		c.requireNamed(t, err)
		if poisoned := new(engine.Poisoned); errors.As(err, &poisoned) {
			for name := range states {
				require.ErrorAs(t, second(s.Get(name)), &poisoned, "nothing is given before it is restored")
			}
			require.NoError(t, s.SetAll(states))
		}
	}
	t.Fatalf("%s failed once, and still something fails", c.failed)
}

// TestOnOpenCLAFaultOfAnyCallThenARetryLeadsWhereNoFaultDoes lets every call of the
// OpenCL driver fail, each in a run of its own, from the session's first allocation
// until it is closed: in steps that run eagerly, are recorded, are replayed, and are
// replayed without looking. The runs share a device, whose programs are built.
func TestOnOpenCLAFaultOfAnyCallThenARetryLeadsWhereNoFaultDoes(t *testing.T) {
	host := openCL(t)(t, 0)[0]
	d, c := watched(t)
	sc := newScene(t, host, d)
	before := maps.Clone(c.live)
	maps.DeleteFunc(before, func(_ string, n int) bool { return n == 0 })
	for name, o := range map[string]engine.Options{"eager": {NoReplay: true}, "replayed": {Trace: func(engine.Execution) {}}, "steady": {}} {
		t.Run(name, func(t *testing.T) {
			functions := map[string]bool{}
			for at := 1; ; at++ {
				c.begin(at, false)
				sc.play(t, c, o)
				if !c.happened() {
					require.Greater(t, at, 200)
					break
				}
				functions[c.failed] = true
				unused(t, d, c, before, fmt.Sprintf("%s failed, call %d", c.failed, at))
			}
			for _, name := range []string{"clCreateBuffer", "clCreateSubBuffer", "clCreateKernel", "clSetKernelArg", "clEnqueueNDRangeKernel",
				"clEnqueueReadBuffer", "clEnqueueWriteBuffer", "clReleaseKernel", "clReleaseMemObject"} {
				require.True(t, functions[name], "no %s failed", name)
			}
		})
	}
	closed(t, d, c)
}

// TestOnOpenCLAFaultWhileProgramsAreBuiltThenARetryLeadsWhereNoFaultDoes does the
// same to the first step on a device of its own, with those calls by which programs
// are read from the cache on disk, or built.
func TestOnOpenCLAFaultWhileProgramsAreBuiltThenARetryLeadsWhereNoFaultDoes(t *testing.T) {
	host := openCL(t)(t, 0)[0]
	p := faultProgram(t)
	first := func(failing int) (w *ir.Tensor, c *calls, names []string) {
		d, c := watched(t)
		devices := []device.Device{host, d}
		s, err := engine.New(plan(t, p, devices, lower.Options{Default: 1}), devices, engine.Options{Sources: p.sources})
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

// TestOnOpenCLADeviceThatIsLostEndsTheRun lets all calls from some point on fail, as
// they do when a device is lost, from every point of some steps in turn.
func TestOnOpenCLADeviceThatIsLostEndsTheRun(t *testing.T) {
	host := openCL(t)(t, 0)[0]
	d, c := watched(t)
	sc := newScene(t, host, d)
	before := maps.Clone(c.live)
	maps.DeleteFunc(before, func(_ string, n int) bool { return n == 0 })
	loop := engine.Loop{Step: "step", MaxSteps: 8}
	for at := 1; ; at++ {
		s, err := engine.New(sc.plan, sc.devices, engine.Options{Sources: sc.program.sources})
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
		unused(t, d, c, before, fmt.Sprintf("the device was lost at %s, call %d", c.failed, at))
	}
	closed(t, d, c)
}
