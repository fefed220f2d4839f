package engine_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
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

func TestMathNetLearnsOnOpenCLWithItsWeightsAnywhere(t *testing.T) {
	machine := openCL(t)
	p := mathNet(t)
	const count = 300
	// The spaces are those in which kernels run.
	curve := func(devices []device.Device, o lower.Options, eo engine.Options) (losses []float64, spaces map[int]bool) {
		spaces = map[int]bool{}
		s := start(t, p, devices, o, eo)
		for n, v := range s.Plan().Values {
			if v.Kernel != nil {
				spaces[s.Plan().Graph.Nodes[n].Space] = true
			}
		}
		for range count {
			steps(t, s, 1)
			losses = append(losses, number(t, s, "metrics.loss_step"))
		}
		return losses, spaces
	}
	want, _ := curve(machine(t, 0), lower.Options{}, engine.Options{})
	for name, rules := range map[string][]lower.Rule{
		"at home on the device": nil,
		"at home on the host":   {{Match: "*.weight", Device: "cpu"}},
		"a layer on the host":   {{Match: "h2", Device: "cpu"}},
		"on two devices":        {{Match: "h2", Device: "opencl:1"}, {Match: "h1.weight", Device: "opencl:1"}},
		"a layer on each":       {{Match: "h2", Device: "opencl:1"}, {Match: "h2.weight", Device: "opencl:1"}, {Match: "sum_bits", Device: "cpu"}, {Match: "sum_bits.weight", Device: "cpu"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, spaces := curve(machine(t, 2), lower.Options{Default: 1, Rules: rules}, engine.Options{})
			if name == "a layer on each" {
				require.Len(t, spaces, 3)
			}
			unfused, _ := curve(machine(t, 2), lower.Options{Default: 1, Rules: rules, NoFuse: true}, engine.Options{Sync: true})
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
