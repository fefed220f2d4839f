package engine_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// recurrent trains h = tanh(x_t w + h u), with dropout, to give the running sum of its
// inputs: one loop forward and one back.
func recurrent(t tester, length int, reverse bool) *program {
	b := newBuilder()
	x := b.random(1, 3, length, 4)
	w, u := b.param("w", 4, 6), b.param("u", 6, 6)
	h0 := b.param("h0", 3, 6)
	l := b.BeginScan(length, reverse)
	xt := l.Slice(x, 1)
	h, number := l.Carry("h", h0.Read)
	next := b.op("tanh", b.op("add", b.op("matmul", xt, w.Read), b.op("matmul", h, u.Read)))
	mask := b.op("lt", b.op("uniform", 0.0, 1.0, []any{3, 6}, "f32", b.op("add", b.op("mul", b.step.Read, length), l.Position), 5), 0.8)
	next = b.op("where", mask, next, b.op("mul", h, 0.5))
	l.Next(number, next)
	l.Keep(next, 1)
	last, all := l.End()
	loss := named(b.op("add", b.op("mean", b.op("square", all[0])), b.op("mean", b.op("square", b.op("sub", last[0], 0.3)))), "loss")
	for _, s := range []*ir.State{w, u, h0} {
		s.Next = b.op("sub", s.Read, b.op("mul", b.Apply(ir.GradOp, loss, s.Read), 0.5))
	}
	b.state("metrics.loss", ir.MetricState, scalar(0)).Next = loss
	b.output("all", all[0])
	return b.program(t)
}

// scanDevices are a host, a simulated device that fuses nothing and one that runs late,
// and what OpenCL has.
func scanDevices(t *testing.T) map[string][]device.Device {
	all := map[string][]device.Device{"cpu": machine(t, 0), "sim": machine(t, 1), "late": unified(t, 1)}
	if found, _ := opencl.Discover(); len(found) > 0 {
		d, err := opencl.Open(0, device.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		all["opencl"] = append(machine(t, 0), d)
	}
	return all
}

func TestALoopGivesTheBitsOfItsPositionsWrittenOut(t *testing.T) {
	for name, devices := range scanDevices(t) {
		for _, reverse := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", reverse), func(t *testing.T) {
				p := recurrent(t, 3, reverse)
				o := lower.Options{Default: len(devices) - 1}
				written := start(t, p, devices, o, engine.Options{})
				o.KeepScans = true
				loop := start(t, p, devices, o, engine.Options{})
				require.Zero(t, count(written, ir.ScanOp))
				require.Equal(t, 2, count(loop, ir.ScanOp), "one forward, one back")
				for range 4 {
					steps(t, written, 1)
					steps(t, loop, 1)
					for _, s := range []string{"w", "u", "h0", "metrics.loss", "all"} {
						same(t, get(t, written, s), get(t, loop, s), s)
					}
				}
			})
		}
	}
}

func count(s *engine.Session, op *ir.Op) (n int) {
	for _, node := range s.Plan().Graph.Nodes {
		if node.Op == op {
			n++
		}
	}
	return n
}

func TestALongLoopLearnsAsItsReferenceSays(t *testing.T) {
	p := recurrent(t, 40, false)
	s := onCPU(t, p, engine.Options{})
	require.Equal(t, 2, count(s, ir.ScanOp))
	require.Less(t, len(s.Plan().Graph.Nodes), 80, "it isn't written out")
	steps(t, s, 1)
	r := evaluateValues(t, p, p.values)
	for _, st := range p.graph.States {
		if st.Type.DType == ir.F32 {
			for i, v := range r[st.Next].F {
				// Some 40 positions of a dozen roundings each, of values below 4.
				require.InDelta(t, v, get(t, s, st.Name).Float(i), 4*40*12*unit, st.Name)
			}
		}
	}
	before := number(t, s, "metrics.loss")
	steps(t, s, 60)
	require.Less(t, number(t, s, "metrics.loss"), before/2)
}

// A steady step allocates nothing, however long its loop is.
func TestALoopAllocatesNothing(t *testing.T) {
	s := onCPU(t, recurrent(t, 40, false), engine.Options{})
	steps(t, s, 4)
	require.Zero(t, testing.AllocsPerRun(5, func() { steps(t, s, 1) }))
}
