package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// everywhere runs a test on the host, and with the default on a device of
// another memory.
func everywhere(t *testing.T, f func(t *testing.T, devices []device.Device, lo lower.Options)) {
	t.Run("host", func(t *testing.T) { f(t, machine(t, 0), lower.Options{}) })
	t.Run("device", func(t *testing.T) { f(t, machine(t, 1), lower.Options{Default: 1}) })
	t.Run("device that runs ahead", func(t *testing.T) { f(t, queued(t), lower.Options{Default: 1}) })
	t.Run("homes on host", func(t *testing.T) {
		f(t, machine(t, 1), lower.Options{Default: 1, Rules: []ir.PlacementRule{{Match: "home.*", Device: "cpu"}}})
	})
}

func TestSwappedStatesSwapAtEveryStep(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		b := newBuilder()
		x, y := b.param("home.x", 3), b.param("y", 3)
		x.Next, y.Next = y.Read, x.Read
		p := b.program(t)
		s := start(t, p, devices, lo, engine.Options{})
		for step := range 5 {
			first, second := "home.x", "y"
			if step%2 == 1 {
				first, second = second, first
			}
			same(t, p.values[first], get(t, s, "home.x"), "x")
			same(t, p.values[second], get(t, s, "y"), "y")
			steps(t, s, 1)
		}
	})
}

func TestAStateThatBecomesAnotherGetsItsValueBeforeTheStep(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		b := newBuilder()
		before := b.state("home.before", ir.BufferState, scalar(-1))
		x := b.state("home.x", ir.BufferState, scalar(0))
		after := b.state("home.after", ir.BufferState, scalar(-1))
		before.Next, after.Next = x.Read, x.Read
		x.Next = b.op("add", x.Read, 1.0)
		s := start(t, b.program(t), devices, lo, engine.Options{})
		for step := range 5 {
			steps(t, s, 1)
			require.EqualValues(t, step, number(t, s, "home.before"))
			require.EqualValues(t, step, number(t, s, "home.after"))
			require.EqualValues(t, step+1, number(t, s, "home.x"))
		}
	})
}

func TestAStateThatBecomesItselfIsNeverWritten(t *testing.T) {
	b := newBuilder()
	x := b.state("x", ir.BufferState, scalar(3))
	x.Next = x.Read
	b.output("double", b.op("mul", x.Read, 2.0))
	ran := 0
	s := start(t, b.program(t), machine(t, 0), lower.Options{}, engine.Options{Trace: func(e engine.Execution) {
		if e.Node.Name == "double" {
			ran++
		}
	}})
	for range 3 {
		require.EqualValues(t, 6, number(t, s, "double"))
		steps(t, s, 2)
	}
	require.Equal(t, 1, ran)
}

func TestCrossedUpdatesReadTheValuesBeforeTheStep(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		b := newBuilder()
		x, y := b.state("home.x", ir.BufferState, scalar(1)), b.state("home.y", ir.BufferState, scalar(100))
		count := b.state("home.count", ir.BufferState, scalar(0))
		x.Next, y.Next = b.op("neg", y.Read), b.op("add", x.Read, 0.5)
		count.Next = b.op("add", count.Read, 1.0)
		s := start(t, b.program(t), devices, lo, engine.Options{})
		wantX, wantY := 1.0, 100.0
		for range 5 {
			steps(t, s, 1)
			wantX, wantY = -wantY, wantX+0.5
			require.Equal(t, wantX, number(t, s, "home.x"))
			require.Equal(t, wantY, number(t, s, "home.y"))
		}
		require.EqualValues(t, 5, number(t, s, "home.count"))
	})
}
