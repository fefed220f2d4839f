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

func TestWaitingForEveryCommandGivesTheSameBits(t *testing.T) {
	p := mathNet(t)
	rules := []ir.PlacementRule{{Match: "*.weight", Device: "cpu"}, {Match: "h2", Device: "sim:1"}}
	usual := start(t, p, machine(t, 2), lower.Options{Default: 1, Rules: rules}, engine.Options{})
	awaited := start(t, p, machine(t, 2), lower.Options{Default: 1, Rules: rules, NoFuse: true}, engine.Options{Sync: true})
	require.Less(t, len(usual.Plan().Graph.Nodes), len(awaited.Plan().Graph.Nodes))
	for range 3 {
		steps(t, usual, 20)
		steps(t, awaited, 20)
		want := snapshot(t, usual)
		for name, v := range snapshot(t, awaited) {
			same(t, want[name], v, name)
		}
		same(t, get(t, usual, "sum_bits"), get(t, awaited, "sum_bits"), "sum_bits")
	}
}

// unseen is a device with a queue: a kernel that fails is found out about when
// somebody waits.
type unseen struct {
	device.Device
	fails string // the kernel that fails
	late  error
}

func (d *unseen) Bind(call *device.Call) (device.Command, error) {
	c, err := d.Device.Bind(call)
	if err != nil {
		return nil, err
	}
	return device.CommandFunc(func() error {
		if call.Kernel.Name == d.fails {
			d.late = &device.Late{Device: d.Name(), Work: []string{"exp", "tanh", "mul"}, Err: errors.New("CL_OUT_OF_RESOURCES")}
		}
		return c.Run()
	}), nil
}

func (d *unseen) Sync() error {
	err := d.late
	d.late = nil
	return err
}

func TestWaitingForEveryCommandFindsTheOneThatFailed(t *testing.T) {
	b := newBuilder()
	w := b.param("w", 3)
	w.Next = b.op("mul", named(b.op("tanh", b.op("exp", w.Read)), "h"), 0.5)
	p := b.program(t)
	for _, sync := range []bool{false, true} {
		d := &unseen{Device: sim.New("cpu", sim.Options{HostVisible: true})}
		s := start(t, p, []device.Device{d}, lower.Options{}, engine.Options{Sync: sync})
		steps(t, s, 3)
		before := snapshot(t, s)
		d.fails = "tanh"
		_, err := s.Run(ctx, engine.Loop{Step: "step", MaxSteps: 5})
		poisoned, at := new(engine.Poisoned), new(engine.Error)
		require.ErrorContains(t, err, "CL_OUT_OF_RESOURCES")
		d.fails = ""
		if !sync {
			require.ErrorAs(t, err, &poisoned)
			require.ErrorContains(t, err, "one of exp, tanh, mul")
			require.NoError(t, s.SetAll(before))
			continue
		}
		require.NotErrorAs(t, err, &poisoned)
		require.ErrorAs(t, err, &at)
		require.Equal(t, engine.Error{Op: "tanh", Node: "h", Device: "cpu", Err: at.Err}, *at)
		for name, v := range snapshot(t, s) {
			same(t, before[name], v, name)
		}
		steps(t, s, 1)
		require.NotEqual(t, before["w"], get(t, s, "w"))
	}
}

func TestWaitingForEveryCommandPoisonsWhatWasBeingWritten(t *testing.T) {
	b := newBuilder()
	w := b.param("w", 3)
	w.Next = b.op("mul", b.op("tanh", w.Read), 0.5)
	p := b.program(t)
	d := &unseen{Device: sim.New("cpu", sim.Options{HostVisible: true})}
	s := start(t, p, []device.Device{d}, lower.Options{}, engine.Options{Sync: true})
	steps(t, s, 3)
	d.fails = "mul" // which writes w
	poisoned := new(engine.Poisoned)
	require.ErrorAs(t, s.Step(ctx), &poisoned)
	require.ElementsMatch(t, []string{"w", "step"}, poisoned.States)
	d.fails = ""
	require.NoError(t, s.SetAll(map[string]*ir.Tensor{"w": p.values["w"], "step": p.values["step"]}))
	steps(t, s, 1)
}
