package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// The devices of these tests do nothing before somebody waits for them: what the
// host does too early shows.

func TestEveryReadIsFreshOnSharedMemory(t *testing.T) {
	aliases := 0
	rapid.Check(t, func(t *rapid.T) {
		h := newHarnessOn(t, together, unified)
		for _, v := range h.model.plan.Values {
			if v.Alias {
				aliases++
			}
		}
		h.act(t, map[string]func(){"count": h.counted})
		for _, name := range h.names() {
			h.get(name)
		}
		h.counted()
	})
	require.Positive(t, aliases)
}

func TestAfterAFaultEveryReadIsRightOrAnErrorOnSharedMemory(t *testing.T) {
	for name, c := range map[string]company{"eager and recorded": traced, "replayed without looking": untraced} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { actUnderFaults(t, newHarnessOn(t, c, unified)) })
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
	b, w := readBehindAlias(t)
	w.Next = b.op("sub", w.Read, 0.25)
	s := start(t, b.program(t), unified(t, 1), lower.Options{}, engine.Options{})
	for range 4 { // recorded, replayed, replayed without looking
		before := get(t, s, "w")
		steps(t, s, 1)
		requireSeen(t, s, before)
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
