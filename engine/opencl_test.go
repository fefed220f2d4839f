package engine_test

import (
	"errors"
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// openCL gives machines of a host and the first two OpenCL devices, which stay
// open from one machine to the next. Where PoCL is what there is, it has two.
func openCL(t *testing.T) machines {
	t.Helper()
	t.Setenv("POCL_DEVICES", "pthread pthread")
	found, missing := opencl.Discover()
	if len(found) < 2 {
		t.Skipf("needs two OpenCL devices; there are %d: %s", len(found), missing)
	}
	var shared []device.Device
	for i := range 2 {
		d, err := opencl.Open(i, opencl.Options{})
		require.NoError(t, err)
		t.Cleanup(func() {
			require.Zero(t, d.Usage().Live, "buffers left on %s", d.Name())
			require.NoError(t, d.Close())
		})
		shared = append(shared, d)
	}
	return func(_ tester, far int) []device.Device {
		return append([]device.Device{sim.New("cpu", sim.Options{HostVisible: true})}, shared[:far]...)
	}
}

// sameGraphs makes rapid draw so many programs, the same in every run: with fused
// kernels each has some of its own, which take the compiler half a second apiece
// when it first sees them.
func sameGraphs(t *testing.T, count string) {
	t.Helper()
	for name, value := range map[string]string{"rapid.checks": count, "rapid.seed": "1"} {
		f := flag.Lookup(name)
		before := f.Value.String()
		require.NoError(t, f.Value.Set(value))
		t.Cleanup(func() { require.NoError(t, f.Value.Set(before)) })
	}
}

func TestOnOpenCLEveryReadIsFreshAndEveryRunIsNeeded(t *testing.T) {
	machine := openCL(t)
	sameGraphs(t, "30")
	rapid.Check(t, func(t *rapid.T) {
		h := newHarnessOn(t, together, machine)
		h.act(t, map[string]func(){"count": h.counted})
		for _, name := range h.names() {
			h.get(name)
		}
		h.counted()
	})
}

// TestOnOpenCLAFaultOfAnyCallThenARetryLeadsWhereNoFaultDoes lets calls of the
// OpenCL driver fail, one in each run: every third, other ones where steps are
// replayed.
func TestOnOpenCLAFaultOfAnyCallThenARetryLeadsWhereNoFaultDoes(t *testing.T) {
	host := openCL(t)(t, 0)[0]
	p := faultProgram(t)
	var count, failing int
	open := func() device.Device {
		d, err := opencl.Open(0, opencl.Options{Fault: func(string) int32 {
			if count++; count == failing {
				return outOfResources
			}
			return 0
		}})
		require.NoError(t, err)
		return d
	}
	d := open()
	devices := []device.Device{host, d}
	pl := plan(t, p, devices, lower.Options{Default: 1, Rules: []lower.Rule{{Match: "host.*", Device: "cpu"}}})
	clean := session(t, pl, devices, engine.Options{Sources: p.sources})
	require.NoError(t, clean.SetAll(p.values))
	before, results := []map[string]*ir.Tensor{}, []*ir.Tensor{}
	for _, a := range acts() {
		before = append(before, snapshot(t, clean))
		v, err := a.do(clean)
		require.NoError(t, err)
		results = append(results, v)
	}
	require.NoError(t, clean.Close())

	const stride = 3
	for start, o := range []engine.Options{{NoReplay: true}, {}} {
		o.Sources = p.sources
		faults := 0
		for at := 1 + start; ; at += stride {
			count, failing = 0, at
			s, err := engine.New(pl, devices, o)
			if err != nil {
				requireFault(t, err)
				continue
			}
			again(t, s, p.values, func() error { return s.SetAll(p.values) })
			for i, a := range acts() {
				var v *ir.Tensor
				again(t, s, before[i], func() (err error) { v, err = a.do(s); return err })
				if results[i] != nil {
					same(t, results[i], v, fmt.Sprintf("%s (act %d, call %d)", a.name, i, at))
				}
			}
			happened := count >= at
			failing = 0
			require.NoError(t, s.Close())
			if !happened {
				break
			}
			faults++
		}
		require.Greater(t, faults, 20)
	}
	require.NoError(t, d.Close())
}

const outOfResources = -5

func requireFault(t *testing.T, err error) {
	t.Helper()
	var failure *opencl.Error
	require.ErrorAs(t, err, &failure)
	require.EqualValues(t, outOfResources, failure.Code)
}

// again calls f until it doesn't fail, restoring what the errors ask for.
func again(t *testing.T, s *engine.Session, states map[string]*ir.Tensor, f func() error) {
	t.Helper()
	for range 3 {
		err := f()
		if err == nil {
			return
		}
		requireFault(t, err)
		if poisoned := new(engine.Poisoned); errors.As(err, &poisoned) {
			require.NoError(t, s.SetAll(states))
		}
	}
	t.Fatal("it fails though only one fault was injected")
}

// TestOnOpenCLADeviceThatIsLostEndsTheRun lets every call from some point on
// fail, as they do when a device is lost.
func TestOnOpenCLADeviceThatIsLostEndsTheRun(t *testing.T) {
	host := openCL(t)(t, 0)[0]
	lost, calls := false, 0
	d, err := opencl.Open(0, opencl.Options{Fault: func(string) int32 {
		if calls--; calls == 0 {
			lost = true
		}
		if lost {
			return outOfResources
		}
		return 0
	}})
	require.NoError(t, err)
	p := faultProgram(t)
	s := start(t, p, []device.Device{host, d}, lower.Options{Default: 1}, engine.Options{})
	steps(t, s, 3)
	calls = 10 // in the middle of a step
	_, err = s.Run(ctx, engine.Loop{Step: "step", MaxSteps: 100})
	poisoned := new(engine.Poisoned)
	require.ErrorAs(t, err, &poisoned)
	require.ErrorAs(t, err, new(*device.Late))
	requireFault(t, err)
	require.ErrorContains(t, err, "device opencl:0: one of ")
	require.ErrorContains(t, err, "CL_OUT_OF_RESOURCES")
	_, err = s.Get("w")
	require.ErrorAs(t, err, &poisoned)
	require.Error(t, s.SetAll(p.values), "it can't be restored there")
	lost = false
	require.NoError(t, s.Close())
	require.NoError(t, d.Close())
}

func TestMathNetLearnsOnOpenCLWithItsWeightsAnywhere(t *testing.T) {
	machine := openCL(t)
	p := mathNet(t)
	const count = 300
	curve := func(devices []device.Device, o lower.Options, eo engine.Options) (losses []float64) {
		s := start(t, p, devices, o, eo)
		for range count {
			steps(t, s, 1)
			losses = append(losses, number(t, s, "metrics.loss_step"))
		}
		return losses
	}
	want := curve(machine(t, 0), lower.Options{}, engine.Options{})
	for name, rules := range map[string][]lower.Rule{
		"at home on the device": nil,
		"at home on the host":   {{Match: "*.weight", Device: "cpu"}},
		"a layer on the host":   {{Match: "h2", Device: "cpu"}},
		"on two devices":        {{Match: "h2", Device: "opencl:1"}, {Match: "h1.weight", Device: "opencl:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := curve(machine(t, 2), lower.Options{Default: 1, Rules: rules}, engine.Options{})
			unfused := curve(machine(t, 2), lower.Options{Default: 1, Rules: rules, NoFuse: true}, engine.Options{Sync: true})
			require.Equal(t, unfused, got, "fusion, and not waiting, change no bit")
			for i := range want {
				// Losses are near 0.25; kernels on the two devices round
				// differently in the last place, and 300 steps of learning carry
				// that along.
				require.InDelta(t, want[i], got[i], 1e-4, "step %d", i)
			}
		})
	}
}
