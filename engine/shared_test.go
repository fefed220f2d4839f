package engine_test

import (
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/drawtest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// The devices of these tests do nothing before somebody waits for them: what the
// host does too early shows.

func TestEveryReadIsFreshOnSharedMemory(t *testing.T) {
	aliases := 0
	drawtest.Until(t, func() bool { return aliases > 0 }, "no plan has an alias", func(t *rapid.T) {
		h := newHarnessOn(t, together, drawUnified(t))
		for _, v := range h.model.plan.Values {
			if v.Alias {
				aliases++
			}
		}
		h.act(t, map[string]func(){"count": h.counted, "run": func() { h.run(rapid.IntRange(1, 5).Draw(t, "count")) }})
		for _, name := range h.names() {
			h.get(name)
		}
		h.counted()
	})
}

func TestAfterAFaultEveryReadIsRightOrAnErrorOnSharedMemory(t *testing.T) {
	for name, c := range map[string]sessions{"eager and recorded": traced, "replayed without looking": untraced} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { actUnderFaults(t, newHarnessOn(t, c, drawUnified(t))) })
		})
	}
}

// behindAlias is w of the host, which a device reads as it lies there.
func behindAlias(t tester) (*builder, *ir.State) {
	b := newBuilder()
	b.step.Device = "cpu"
	w := b.param("w", 5)
	w.Device = "cpu"
	b.on("sim:0", func() { b.output("far", b.op("mul", w.Read, 2.0)) })
	return b, w
}

// The project's first bug, where there is no copy to be stale: whatever writes the
// weights, the device computes with what they are.
func TestWeightsBehindAnAliasAreNeverStale(t *testing.T) {
	b, w := behindAlias(t)
	w.Next = b.op("sub", w.Read, 0.25)
	s := start(t, b.program(t), unified(t, 1), lower.Options{}, engine.Options{})
	twice := func() {
		t.Helper()
		now, far := get(t, s, "w"), get(t, s, "far")
		for i := range 5 {
			require.Equal(t, 2*now.Float(i), far.Float(i))
		}
	}
	twice()
	for range 5 {
		steps(t, s, 1)
		twice()
		set(t, s, "w", uniform(ir.Shape{5}, 99))
		twice()
	}
	stats := s.Stats()
	require.EqualValues(t, 11, stats.Aliased)
	require.EqualValues(t, 11, stats.DeviceToHost.Count, "far, which was asked for")
	require.EqualValues(t, 1, stats.HostToDevice.Count, "the constant, and no weight")
}

// readBehindAlias is w of the host, and a state of a device that remembers what w was.
func readBehindAlias(t tester) (*builder, *ir.State) {
	b, w := behindAlias(t)
	b.on("sim:0", func() {
		seen := b.param("seen", 5)
		seen.Device = "sim:0"
		seen.Next = b.op("neg", w.Read)
	})
	return b, w
}

func requireSeen(t tester, s *engine.Session, w *ir.Tensor) {
	t.Helper()
	seen := get(t, s, "seen")
	for i := range 5 {
		require.Equal(t, -w.Float(i), seen.Float(i), "w as it was before the step")
	}
}

func TestTheHostWritesNothingThatADeviceHasYetToRead(t *testing.T) {
	for how, next := range map[string]func(b *builder, w *ir.State) *ir.Node{
		"in place": func(b *builder, w *ir.State) *ir.Node { return b.op("sub", w.Read, 0.25) },
		"at the end of the step": func(b *builder, w *ir.State) *ir.Node {
			twin := b.param("twin", 5)
			twin.Device = "cpu"
			twin.Next = b.op("sub", w.Read, 0.25)
			return twin.Next
		},
		"as another state was": func(b *builder, w *ir.State) *ir.Node {
			other := b.param("other", 5)
			other.Device = "cpu"
			other.Next = b.op("neg", w.Read)
			return other.Read
		},
		"from the device": func(b *builder, w *ir.State) (n *ir.Node) {
			b.on("sim:0", func() { n = b.op("sub", w.Read, 0.25) })
			return n
		},
	} {
		t.Run(how, func(t *testing.T) {
			b, w := readBehindAlias(t)
			w.Next = next(b, w)
			s := start(t, b.program(t), unified(t, 1), lower.Options{}, engine.Options{})
			for range 4 { // recorded, replayed, replayed without looking
				before := get(t, s, "w")
				steps(t, s, 1)
				requireSeen(t, s, before)
			}
		})
	}
}

// What the host computes of frozen states it computes anew when these are set, and
// not before a device has read what it was.
func TestTheHostRecomputesNothingThatADeviceHasYetToRead(t *testing.T) {
	b := newBuilder()
	frozen := b.param("frozen", 5)
	frozen.Device = "cpu"
	var kept *ir.Node
	b.on("cpu", func() { kept = b.output("kept", b.op("mul", frozen.Read, 2.0)) })
	b.on("sim:0", func() {
		seen := b.param("seen", 5)
		seen.Device = "sim:0"
		seen.Next = b.op("neg", b.op("add", kept, seen.Read))
	})
	p := b.program(t)
	s := start(t, p, unified(t, 1), lower.Options{}, engine.Options{})
	steps(t, s, 1) // queued, and not done
	set(t, s, "frozen", uniform(ir.Shape{5}, 99))
	get(t, s, "kept")
	seen := get(t, s, "seen")
	for i := range 5 {
		require.Equal(t, -(2*float32(p.values["frozen"].Float(i)) + float32(p.values["seen"].Float(i))), float32(seen.Float(i)))
	}
}

// Waiting is dear. The host waits for a device that reads what it is about to write,
// or has written what it is about to read, and for nothing else.
func TestTheHostWaitsOnlyForWhatItReadsAndWrites(t *testing.T) {
	for _, c := range []struct {
		name    string
		program func(b *builder)
		waits   int // in a step
	}{
		{"a device that reads what nobody writes", func(b *builder) {
			frozen, far := b.param("frozen", 5), b.param("far", 5)
			frozen.Device, far.Device = "cpu", "sim:0"
			b.on("sim:0", func() { far.Next = b.op("tanh", b.op("add", far.Read, frozen.Read)) })
		}, 0},
		{"a device that reads what the host writes", func(b *builder) {
			near, far := b.param("near", 5), b.param("far", 5)
			near.Device, far.Device = "cpu", "sim:0"
			near.Next = b.op("tanh", near.Read)
			b.on("sim:0", func() { far.Next = b.op("tanh", b.op("add", far.Read, near.Read)) })
		}, 1},
		{"a host that reads what a device writes", func(b *builder) {
			frozen, near, far := b.param("frozen", 5), b.param("near", 5), b.param("far", 5)
			frozen.Device, near.Device, far.Device = "cpu", "cpu", "sim:0"
			near.Next = b.op("tanh", far.Read)
			b.on("sim:0", func() { far.Next = b.op("tanh", b.op("add", far.Read, frozen.Read)) })
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBuilder()
			b.step.Device = "cpu"
			c.program(b)
			devices := unified(t, 1)
			s := start(t, b.program(t), devices, lower.Options{}, engine.Options{})
			waits := 0
			devices[1].(*sim.Device).Inject(func(e sim.Event) error {
				if e.Kind == "sync" {
					waits++
				}
				return nil
			})
			steps(t, s, 6)
			require.Equal(t, 6*c.waits, waits)
			require.NotZero(t, s.Stats().Aliased)
		})
	}
}

// A wait in which work turns out to have failed is no wait: what it was for isn't done,
// and everything is in doubt.
func TestAFailedWaitInvalidatesAllStates(t *testing.T) {
	for name, act := range map[string]func(s *engine.Session) error{
		"a step that writes what is read": func(s *engine.Session) error { return s.Step(ctx) },
		"setting what is read":            func(s *engine.Session) error { return s.Set("w", uniform(ir.Shape{5}, 99)) },
		"reading on the host":             func(s *engine.Session) error { return second(s.Get("near")) },
	} {
		t.Run(name, func(t *testing.T) {
			b, w := readBehindAlias(t)
			w.Next = b.op("sub", w.Read, 0.25)
			b.on("cpu", func() { b.output("near", b.op("tanh", b.Graph.State("seen").Read)) })
			p := b.program(t)
			devices := unified(t, 1)
			far := devices[1].(*sim.Device)
			s := start(t, p, devices, lower.Options{}, engine.Options{})
			steps(t, s, 1)
			far.Inject(func(e sim.Event) error {
				if e.Kind == "sync" {
					return errInjected
				}
				return nil
			})
			require.NoError(t, s.Demand(must(s.Lookup("far"))))
			poisoned := new(engine.Poisoned)
			require.ErrorAs(t, act(s), &poisoned)
			require.ErrorAs(t, poisoned, new(*device.Late))
			require.ElementsMatch(t, []string{"step", "w", "seen"}, poisoned.States)
			far.Inject(nil)
			require.NoError(t, s.SetAll(p.values))
			steps(t, s, 1)
			requireSeen(t, s, p.values["w"])
		})
	}
}

// A host that can't have a device's memory as its own is told apart before anything
// runs, and nothing stays behind.
func TestAPlanWithSharedMemoryNeedsAHostThatSharesIt(t *testing.T) {
	b, _ := behindAlias(t)
	p := b.program(t)
	devices := unified(t, 1)
	pl := plan(t, p, devices, lower.Options{})
	for name, machine := range map[string][]device.Device{
		"a host without it":   {struct{ device.Device }{devices[0]}, devices[1]},
		"a device without it": {devices[0], sim.New("sim:0", sim.Options{})},
	} {
		_, err := engine.New(pl, machine, engine.Options{})
		require.ErrorContains(t, err, "cpu and sim:0 don't share memory", name)
		require.Zero(t, machine[1].(*sim.Device).Usage().Live, name)
	}
}

func TestTheHostReadsNothingThatADeviceHasYetToWrite(t *testing.T) {
	b := newBuilder()
	b.step.Device = "cpu"
	far, near := b.param("far", 5), b.param("near", 5)
	far.Device, near.Device = "sim:0", "cpu"
	b.on("sim:0", func() { far.Next = b.op("add", far.Read, 0.25) })
	b.on("cpu", func() { near.Next = b.op("neg", far.Read) })
	s := start(t, b.program(t), unified(t, 1), lower.Options{}, engine.Options{})
	for range 4 {
		before := get(t, s, "far")
		steps(t, s, 2) // the second step reads far as the first, queued, makes it
		now := get(t, s, "near")
		for i := range 5 {
			require.Equal(t, -(float32(before.Float(i)) + 0.25), float32(now.Float(i)))
		}
	}
}

func TestSettingAStateWaitsForADeviceThatReadsIt(t *testing.T) {
	b, _ := readBehindAlias(t)
	p := b.program(t)
	s := start(t, p, unified(t, 1), lower.Options{}, engine.Options{})
	steps(t, s, 1) // queued, and not done
	set(t, s, "w", uniform(ir.Shape{5}, 99))
	requireSeen(t, s, p.values["w"])
}

// A node that a caller asks for gets memory of its own. An alias of it is there
// then too, for all who read it.
func TestAnAliasMovesWithItsOriginal(t *testing.T) {
	b := newBuilder()
	b.step.Device = "cpu"
	w := b.param("w", 5)
	b.on("sim:0", func() { b.output("far", b.op("mul", w.Read, b.op("cast", b.step.Read, "f32"))) })
	near := b.param("near", 5)
	near.Device = "cpu"
	b.on("cpu", func() { near.Next = b.op("neg", b.Graph.Outputs[0].Node) })
	s := start(t, b.program(t), unified(t, 1), lower.Options{Default: 1}, engine.Options{})
	steps(t, s, 3)
	far := get(t, s, "far")
	steps(t, s, 1)
	near3 := get(t, s, "near")
	for i := range 5 {
		require.Equal(t, -far.Float(i), near3.Float(i))
	}
}

// Whoever waits for a device does for all who have queued something there.
func TestSessionsOnOneDeviceAreIndependent(t *testing.T) {
	b, w := readBehindAlias(t)
	w.Next = b.op("sub", w.Read, 0.25)
	b.on("cpu", func() { b.output("near", b.op("tanh", b.Graph.State("seen").Read)) })
	p := b.program(t)
	run := func(s *engine.Session) map[string]*ir.Tensor {
		for i := range 20 {
			steps(t, s, 3)
			set(t, s, "w", uniform(ir.Shape{5}, int64(i)))
			get(t, s, "near")
			steps(t, s, 2)
		}
		return snapshot(t, s)
	}
	want := run(start(t, p, unified(t, 1), lower.Options{}, engine.Options{}))
	devices := unified(t, 1)
	var got [4]map[string]*ir.Tensor
	var all sync.WaitGroup
	for i := range got {
		s := start(t, p, devices, lower.Options{}, engine.Options{})
		all.Go(func() { got[i] = run(s) })
	}
	all.Wait()
	for _, states := range got {
		for name, v := range want {
			same(t, v, states[name], name)
		}
	}
}

// A run is closed in its midst: it ends with an error, and touches no memory that it
// has given back.
func TestARunOnSharedMemoryCanBeClosedAtAnyPoint(t *testing.T) {
	b, w := readBehindAlias(t)
	w.Next = b.op("sub", w.Read, 0.25)
	loss := b.state("loss", ir.MetricState, scalar(0))
	loss.Device = "cpu"
	loss.Next = b.op("mean", b.Graph.State("seen").Next)
	p := b.program(t)
	s := start(t, p, unified(t, 1), lower.Options{}, engine.Options{})
	begun := make(chan struct{})
	var once sync.Once
	ended := make(chan error, 1)
	go func() {
		_, err := s.Run(ctx, engine.Loop{Step: "step", Loss: "loss", MaxSteps: 1_000_000, Observers: []engine.Observer{{Every: 1, Observe: func(r engine.Record) error {
			if math.IsNaN(r.Loss) {
				return errors.New("memory that isn't there any more was read")
			}
			once.Do(func() { close(begun) })
			return nil
		}}}})
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		require.FailNow(t, "the run ended before its first record", "%v", err)
	}
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-ended, engine.ErrClosed)
}
