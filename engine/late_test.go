package engine_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// TestALateFailureInvalidatesAllStates lets every call of a device in turn give
// the failure of work that was queued before, as devices with a queue do. Which
// step that was can't be known: all states must be restored, and what was kept
// must be computed again.
func TestALateFailureInvalidatesAllStates(t *testing.T) {
	for name, machine := range map[string]machines{"memory of its own": machine, "the host's memory": unified} {
		t.Run(name, func(t *testing.T) { anyLateFailure(t, machine) })
	}
}

func anyLateFailure(t *testing.T, machine machines) {
	p := faultProgram(t)
	devices := machine(t, 1)
	pl := plan(t, p, devices, lower.Options{Default: 1, Rules: []ir.PlacementRule{{Match: "host.*", Device: "cpu"}}})
	far := devices[1].(*sim.Device)
	lost := &device.Late{Device: "sim:0", Work: []string{"matmul", "tanh"}, Err: errors.New("CL_OUT_OF_RESOURCES")}

	run := func(at int) (calls int) {
		var ran []*ir.Node
		s := session(t, pl, devices, engine.Options{DataSources: p.sources, Trace: func(e engine.Execution) { ran = append(ran, e.Node) }})
		require.NoError(t, s.SetAll(p.values))
		steps(t, s, 1)
		first := ran
		steps(t, s, 1)
		before := snapshot(t, s)
		steps(t, s, 1)
		want := snapshot(t, s)
		far.Inject(func(sim.Event) error {
			calls++
			if calls-1 == at {
				return lost
			}
			return nil
		})
		defer far.Inject(nil)
		var err error
		for i := 0; i < 3 && err == nil; i++ {
			err = s.Step(ctx)
		}
		if err == nil {
			_, err = s.Get("h")
		}
		if at < 0 || at >= calls {
			require.NoError(t, err)
			return calls
		}
		poisoned := new(engine.Poisoned)
		require.ErrorAs(t, err, &poisoned)
		require.ErrorIs(t, err, lost)
		require.ErrorContains(t, err, "one of matmul, tanh has failed: CL_OUT_OF_RESOURCES")
		require.Len(t, poisoned.States, len(pl.Graph.States), "all states are in doubt")
		require.Equal(t, err, s.Step(ctx), "and nothing goes on")

		require.NoError(t, s.SetAll(before))
		ran = nil
		steps(t, s, 1)
		require.Equal(t, first, ran, "what was kept, constants too, is computed again")
		for name, v := range snapshot(t, s) {
			same(t, want[name], v, name)
		}
		return calls
	}
	calls := run(-1)
	require.Greater(t, calls, 30)
	for at := range calls {
		run(at)
	}
}

func TestALateFailureAtTheEndOfARunIsReportedByTheRun(t *testing.T) {
	b := newBuilder()
	w := b.param("w", 3)
	w.Next = b.op("mul", w.Read, 0.5)
	p := b.program(t)
	failure := &device.Late{Device: "cpu", Err: errors.New("lost")}
	devices := []device.Device{&failingSync{Device: sim.New("cpu", sim.Options{HostVisible: true}), err: failure}}
	s := start(t, p, devices, lower.Options{}, engine.Options{})
	defer func() { devices[0].(*failingSync).err = nil }()
	_, err := s.Run(ctx, engine.Loop{Step: "step", MaxSteps: 3})
	require.ErrorIs(t, err, failure)
	_, err = s.Get("w")
	require.ErrorAs(t, err, new(*engine.Poisoned))
	require.NoError(t, s.SetAll(map[string]*ir.Tensor{"w": uniform(ir.Shape{3}, 1), "step": p.values["step"]}))
	steps(t, s, 1)
}

// failingSync is a device whose work fails unseen.
type failingSync struct {
	device.Device
	err error
}

func (d *failingSync) Sync() error { return d.err }
