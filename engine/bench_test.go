package engine_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// BenchmarkStep is a training step of math_net, data included.
func BenchmarkStep(b *testing.B) {
	s := onCPU(b, mathNet(b), engine.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Step(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStepOnOpenCL is a training step of math_net on the first OpenCL
// device: as it is run, without fused kernels, and with --sync, that is, without
// them and waiting for each kernel. Every hundred steps are waited for.
func BenchmarkStepOnOpenCL(b *testing.B) {
	d, err := opencl.Open(0, device.Options{})
	if err != nil {
		b.Skip("needs an OpenCL device: ", err)
	}
	b.Cleanup(func() { require.NoError(b, d.Close()) })
	p := mathNet(b)
	for _, c := range []struct {
		name         string
		noFuse, sync bool
	}{{"fused", false, false}, {"unfused", true, false}, {"sync", true, true}} {
		b.Run(c.name, func(b *testing.B) {
			devices := []device.Device{cpu.New("cpu"), d}
			s := start(b, p, devices, lower.Options{Default: 1, NoFuse: c.noFuse}, engine.Options{Sync: c.sync})
			steps(b, s, 3)
			before := s.Stats().KernelsRun
			for i := 0; b.Loop(); i++ {
				if err := s.Step(ctx); err != nil {
					b.Fatal(err)
				}
				if i%100 == 99 {
					if err := d.Sync(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(s.Stats().KernelsRun-before)/float64(b.N), "kernels/op")
		})
	}
}

// wide is a session of n nodes, in chains of a hundred, each over a state of its
// own, and ten in a row over the state "small", named "part". All of it is
// computed.
func wide(t tester, n int) *engine.Session {
	t.Helper()
	b := &builder{Builder: ir.NewBuilder(&ir.Graph{}), values: map[string]*ir.Tensor{}}
	node := b.state("small", ir.ParamState, scalar(1)).Read
	for range 10 {
		node = b.op("tanh", node)
	}
	b.output("part", node)
	for i := range n / 100 {
		node := b.state(fmt.Sprint("large", i), ir.ParamState, scalar(1)).Read
		for range 100 {
			node = b.op("tanh", node)
		}
		b.output(fmt.Sprint("chain", i), node)
	}
	require.NoError(t, b.Err())
	s := start(t, &program{graph: b.Graph, values: b.values}, []device.Device{cpu.New("cpu")}, lower.Options{}, engine.Options{})
	for i := range n / 100 {
		require.NoError(t, s.Demand(must(s.Lookup(fmt.Sprint("chain", i)))))
	}
	require.NoError(t, s.Demand(must(s.Lookup("part"))))
	return s
}

// everySize runs a benchmark on graphs of more and more nodes; what it measures
// must not grow.
func everySize(b *testing.B, f func(b *testing.B, s *engine.Session)) { everySizeOf(b, wide, f) }

func everySizeOf(b *testing.B, make func(tester, int) *engine.Session, f func(b *testing.B, s *engine.Session)) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("of %d", n), func(b *testing.B) {
			if testing.Short() && n > 10_000 {
				b.Skip("lowering a million nodes takes long; -short leaves it out")
			}
			s := make(b, n)
			b.ReportAllocs()
			f(b, s)
		})
	}
}

// BenchmarkCleanDemand asks for a value that is up to date.
func BenchmarkCleanDemand(b *testing.B) {
	everySize(b, func(b *testing.B, s *engine.Session) {
		h := must(s.Lookup("part"))
		for b.Loop() {
			if err := s.Demand(h); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSmallDirtyPart writes a state on which ten nodes depend, and asks for
// the last of them.
func BenchmarkSmallDirtyPart(b *testing.B) {
	everySize(b, func(b *testing.B, s *engine.Session) {
		h := must(s.Lookup("part"))
		values := map[string]*ir.Tensor{"small": scalar(0.5)}
		for b.Loop() {
			if err := s.SetAll(values); err != nil {
				b.Fatal(err)
			}
			if err := s.Demand(h); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStepOverAMostlyCleanGraph runs steps that change one small state; all
// other nodes hang on frozen ones, and the step uses what comes out of them.
func BenchmarkStepOverAMostlyCleanGraph(b *testing.B) {
	everySizeOf(b, mostlyFrozen, func(b *testing.B, s *engine.Session) {
		for b.Loop() {
			if err := s.Step(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// mostlyFrozen is a session of n nodes in chains over frozen states, whose ends
// are added up, and a small state that every step brings nearer to the sum.
func mostlyFrozen(t tester, n int) *engine.Session {
	t.Helper()
	b := &builder{Builder: ir.NewBuilder(&ir.Graph{}), values: map[string]*ir.Tensor{}}
	total := b.state("bias", ir.ParamState, scalar(1)).Read
	for i := range max(n/100, 1) {
		node := b.state(fmt.Sprint("frozen", i), ir.ParamState, scalar(1)).Read
		for range 98 {
			node = b.op("tanh", node)
		}
		total = b.op("add", total, node)
	}
	small := b.state("small", ir.ParamState, scalar(1))
	small.Next = b.op("add", b.op("mul", small.Read, 0.5), total)
	require.NoError(t, b.Err())
	s := onCPU(t, &program{graph: b.Graph, values: b.values}, engine.Options{})
	for range 3 {
		require.NoError(t, s.Step(ctx))
	}
	return s
}
