package engine_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// ending is a host that ends a context after so many more runs and copies; it counts those
// that come after.
type ending struct {
	devices []device.Device
	end     context.CancelFunc
	left    int // negative: never
	after   int
}

func newEnding(t *testing.T) *ending {
	e := &ending{devices: machine(t, 0), left: -1}
	e.devices[0].(*sim.Device).Inject(func(v sim.Event) error {
		if e.end == nil || v.Kind != "run" && v.Kind != "copy" {
			return nil
		}
		if e.left == 0 {
			e.after++
		} else if e.left--; e.left == 0 {
			e.end()
		}
		return nil
	})
	return e
}

// in is a context that ends after so many runs and copies.
func (e *ending) in(count int) context.Context {
	within, end := context.WithCancel(ctx)
	e.end, e.left, e.after = end, count, 0
	return within
}

// Of a scan of a thousand positions no more than one is computed after the context has
// ended. The step has changed nothing, and can be taken again.
func TestALongScanEndsWithItsContext(t *testing.T) {
	const onePosition = 40 // commands, at most
	p := recurrent(t, 1000, false)
	e := newEnding(t)
	s := start(t, p, e.devices, lower.Options{}, engine.Options{})
	undisturbed := onCPU(t, p, engine.Options{})
	for round := range 5 { // eager, recorded, replayed
		before := snapshot(t, s)
		for _, commands := range []int{1000, 9000, 20000} { // in the scan forward, in the one back
			require.ErrorIs(t, s.Step(e.in(commands)), context.Canceled)
			require.LessOrEqual(t, e.after, onePosition, "%d", commands)
			for name, v := range snapshot(t, s) {
				same(t, before[name], v, name)
			}
		}
		e.end = nil
		steps(t, s, 1)
		steps(t, undisturbed, 1)
		for name, v := range snapshot(t, undisturbed) {
			same(t, v, snapshot(t, s)[name], name+" of step "+string(rune('1'+round)))
		}
	}
}

func TestARunIsInterruptedInAScan(t *testing.T) {
	p := recurrent(t, 1000, false)
	e := newEnding(t)
	s := start(t, p, e.devices, lower.Options{}, engine.Options{})
	var last engine.Record
	loop := engine.Loop{Step: "step", Loss: "metrics.loss", MaxSteps: 4, Observers: []engine.Observer{{Every: 1, Observe: func(r engine.Record) error {
		last = r
		return nil
	}}}}
	_, err := s.Run(e.in(-1), engine.Loop{Step: "step", MaxSteps: 2})
	require.NoError(t, err)
	summary, err := s.Run(e.in(15000), loop)
	require.NoError(t, err)
	require.Equal(t, engine.StoppedInterrupted, summary.Stopped)
	require.EqualValues(t, 2, summary.Step)
	require.Zero(t, summary.Steps)
	require.True(t, last.Last)
	summary, err = s.Run(e.in(-1), loop)
	require.NoError(t, err)
	require.EqualValues(t, 4, summary.Step)
	whole := onCPU(t, p, engine.Options{})
	steps(t, whole, 4)
	for name, v := range snapshot(t, whole) {
		same(t, v, snapshot(t, s)[name], name)
	}
}

// Answers and steps of a generation end in the same way, and the next one is right.
func TestAnAnswerEndsInAScan(t *testing.T) {
	b := newBuilder()
	x := b.state("x", ir.InputState, uniform(ir.Shape{1000, 3}, 1))
	l := b.BeginScan(1000, false)
	h, n := l.Carry("h", b.Fill(ir.Type{DType: ir.F32, Shape: ir.Shape{3}}, 0))
	l.Next(n, b.op("tanh", b.op("add", h, l.Slice(x.Read, 0))))
	carries, _ := l.End()
	b.output("h", carries[0])
	p := b.program(t)
	e := newEnding(t)
	s := start(t, p, e.devices, lower.Options{}, engine.Options{})
	port, err := s.Port([]string{"x"}, []string{"h"})
	require.NoError(t, err)
	out := ir.NewTensor(port.OutputType(0))
	in := uniform(ir.Shape{1000, 3}, 2)
	require.ErrorIs(t, port.Run(e.in(500), []*ir.Tensor{in}, []*ir.Tensor{out}), context.Canceled)
	require.LessOrEqual(t, e.after, 10)
	require.NoError(t, port.Run(e.in(-1), []*ir.Tensor{in}, []*ir.Tensor{out}))
	fresh := onCPU(t, p, engine.Options{})
	set(t, fresh, "x", in)
	same(t, get(t, fresh, "h"), out, "h")
}
