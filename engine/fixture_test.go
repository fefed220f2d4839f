package engine_test

import (
	"context"
	"fmt"
	"math"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/autodiff"
	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
)

var ctx = context.Background()

// tester is what a test, a benchmark and a property have in common.
type tester interface {
	require.TestingT
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// program is a graph, what its states begin with, and its data.
type program struct {
	graph   *ir.Graph
	values  map[string]*ir.Tensor
	sources map[string]engine.DataSource
}

// builder writes programs for tests.
type builder struct {
	*ir.Builder
	step   *ir.State
	values map[string]*ir.Tensor
}

// newBuilder begins a program with a step counter.
func newBuilder() *builder {
	b := &builder{Builder: ir.NewBuilder(&ir.Graph{}), values: map[string]*ir.Tensor{}}
	b.step = b.state("step", ir.CounterState, ir.NewTensor(ir.Scalar(ir.I64)))
	b.step.Next = b.op("add", b.step.Read, 1)
	return b
}

// state adds a state that begins with a value.
func (b *builder) state(name string, kind ir.StateKind, value *ir.Tensor) *ir.State {
	s := b.NewState(name, kind, value.Type)
	b.values[name] = value
	return s
}

// param adds a parameter of random numbers, the same for the same name.
func (b *builder) param(name string, shape ...int) *ir.State {
	return b.state(name, ir.ParamState, uniform(shape, int64(len(b.values))))
}

// op applies an op by name.
func (b *builder) op(name string, args ...any) *ir.Node { return b.Apply(ir.LookupOp(name), args...) }

// random draws numbers from 0 to 1, anew at every step.
func (b *builder) random(key int, shape ...any) *ir.Node {
	return b.op("uniform", 0.0, 1.0, shape, "f32", b.step.Read, key)
}

// output lets a test ask for a node.
func (b *builder) output(name string, n *ir.Node) *ir.Node {
	b.Graph.Outputs = append(b.Graph.Outputs, ir.Output{Name: name, Node: n})
	return named(n, name)
}

// on runs f with everything that it builds bound to a device.
func (b *builder) on(device string, f func()) {
	before := b.Device
	b.Device = device
	f()
	b.Device = before
}

// program ends the building.
func (b *builder) program(t tester) *program {
	t.Helper()
	require.NoError(t, b.Err())
	require.NoError(t, autodiff.Expand(b.Graph, nil))
	require.NoError(t, ir.Verify(b.Graph, true))
	return &program{graph: b.Graph, values: b.values}
}

// named gives a node a name.
func named(n *ir.Node, name string) *ir.Node {
	n.Name, n.Path = name, name
	return n
}

// uniform is a tensor of numbers between -0.5 and 0.5, the same for the same
// seed.
func uniform(shape ir.Shape, seed int64) *ir.Tensor {
	values := make([]float32, shape.Numel())
	x := uint64(seed)*2862933555777941757 + 3037000493
	for i := range values {
		x = x*6364136223846793005 + 1442695040888963407
		values[i] = float32(x>>40)/(1<<24) - 0.5
	}
	return ir.FromFloat32(shape, values)
}

// scalar is f32[].
func scalar(v float64) *ir.Tensor { return ir.ScalarTensor(ir.F32, v) }

func manifest(t tester) *kernels.Manifest {
	t.Helper()
	m, err := kernels.Load()
	require.NoError(t, err)
	return m
}

// machines gives a host and so many devices, whose memory is free at the end of
// the test.
type machines func(t tester, far int) []device.Device

// machine is a host, whose memory the test can make fail too, and simulated
// devices "sim:0", "sim:1", …; at the end of the test none may hold memory.
func machine(t tester, sims int) []device.Device {
	t.Helper()
	devices := []device.Device{sim.New("cpu", sim.Options{HostVisible: true})}
	for i := range sims {
		devices = append(devices, sim.New(fmt.Sprintf("sim:%d", i), sim.Options{Captures: true}))
	}
	t.Cleanup(func() {
		for _, d := range devices {
			require.Zero(t, d.(*sim.Device).Usage().Live, "buffers left on %s", d.Name())
		}
	})
	return devices
}

// queued is a machine whose second device says that it runs ahead of the host.
func queued(t tester) []device.Device {
	t.Helper()
	devices := append(machine(t, 0), sim.New("sim:0", sim.Options{Async: true}))
	t.Cleanup(func() { require.Zero(t, devices[1].(*sim.Device).Usage().Live) })
	return devices
}

// unified is a machine whose devices do nothing before somebody waits for them, and
// the first of which shares the host's memory.
func unified(t tester, sims int) []device.Device { return sharing(true, false)(t, sims) }

// sharing gives machines like unified, on which any of the devices may share the host's
// memory.
func sharing(which ...bool) machines {
	return func(t tester, sims int) []device.Device {
		t.Helper()
		devices := machine(t, 0)
		for i := range sims {
			devices = append(devices, sim.New(fmt.Sprintf("sim:%d", i), sim.Options{Queue: true, Unified: which[i]}))
		}
		t.Cleanup(func() {
			for _, d := range devices[1:] {
				require.Zero(t, d.(*sim.Device).Usage().Live, "buffers left on %s", d.Name())
			}
		})
		return devices
	}
}

// drawUnified is one of the machines on which some device shares the host's memory.
func drawUnified(t *rapid.T) machines {
	return sharing(rapid.SampledFrom([][]bool{{true, false}, {false, true}, {true, true}}).Draw(t, "unified")...)
}

// onCPU starts a program on the CPU alone.
func onCPU(t tester, p *program, o engine.Options) *engine.Session {
	t.Helper()
	return start(t, p, []device.Device{cpu.New("cpu")}, lower.Options{}, o)
}

// plan lowers a program onto devices, the first of which is the host. All but the
// host have fused kernels.
func plan(t tester, p *program, devices []device.Device, o lower.Options) *lower.Plan {
	t.Helper()
	o.Targets = targets(devices)
	return lowered(t, p, o)
}

func targets(devices []device.Device) (targets []lower.Target) {
	for _, d := range devices {
		targets = append(targets, lower.Target{Name: d.Name(), Kind: d.Info().Kind, Alignment: d.Info().Alignment,
			Async: d.Info().Async, Unified: d.Info().Unified, Fuses: d.Info().Kind != "cpu" && d.Name() != "cpu"})
	}
	return targets
}

// lowered lowers a program onto the targets of o.
func lowered(t tester, p *program, o lower.Options) *lower.Plan {
	t.Helper()
	o.Manifest = manifest(t)
	o.CheckTypes = true
	plan, err := lower.Lower(p.graph, o)
	require.NoError(t, err)
	return plan
}

// session starts a plan; it is closed at the end of the test. No state is set.
func session(t tester, plan *lower.Plan, devices []device.Device, o engine.Options) *engine.Session {
	t.Helper()
	s, err := engine.New(plan, devices, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// start lowers a program and starts it with its states set.
func start(t tester, p *program, devices []device.Device, lo lower.Options, o engine.Options) *engine.Session {
	t.Helper()
	o.DataSources = p.sources
	s := session(t, plan(t, p, devices, lo), devices, o)
	require.NoError(t, s.SetAll(p.values))
	return s
}

// steps runs so many steps.
func steps(t tester, s *engine.Session, n int) {
	t.Helper()
	for range n {
		require.NoError(t, s.Step(ctx))
	}
}

// get reads a value.
func get(t tester, s *engine.Session, name string) *ir.Tensor {
	t.Helper()
	v, err := s.Get(name)
	require.NoError(t, err)
	return v
}

// number reads a scalar.
func number(t tester, s *engine.Session, name string) float64 {
	t.Helper()
	return get(t, s, name).Float(0)
}

// set writes a state.
func set(t tester, s *engine.Session, name string, v *ir.Tensor) {
	t.Helper()
	require.NoError(t, s.Set(name, v))
}

// same requires two tensors to have the same bits.
func same(t tester, want, got *ir.Tensor, what string) {
	t.Helper()
	if !want.Type.Equal(got.Type) || string(want.Data) != string(got.Data) {
		t.Fatalf("%s: want %s, got %s", what, want, got)
	}
}

// finite requires that no element is NaN or infinite: memory that was never
// written reads as NaN here.
func finite(t tester, v *ir.Tensor, what string) {
	t.Helper()
	for i := range v.Type.Shape.Numel() {
		if x := v.Float(i); math.IsNaN(x) || math.IsInf(x, 0) {
			t.Fatalf("%s holds %v", what, x)
		}
	}
}

// mathNet is the program of graphs/math_net.yaml, by hand: it learns to add two
// numbers of four bits.
func mathNet(t tester) *program {
	b := newBuilder()
	draw := func(path string) *ir.Node {
		return b.op("randint", 0, 16, []any{1}, "i32", b.step.Read, ir.RandomKey(7, path))
	}
	x1, x2 := draw("a"), draw("b")
	x := b.op("reshape", b.op("cast", b.op("concat", []any{b.op("bits_of", x1, 4), b.op("bits_of", x2, 4)}, -1), "f32"), []any{1, 8})
	target := b.op("reshape", b.op("cast", b.op("bits_of", b.op("add", x1, x2), 5), "f32"), []any{1, 5})

	h := x
	var weights []*ir.State
	for i, shape := range []ir.Shape{{16, 8}, {16, 16}, {5, 16}} {
		w := b.state([]string{"h1.weight", "h2.weight", "sum_bits.weight"}[i], ir.ParamState, uniform(shape, int64(i)))
		weights = append(weights, w)
		h = named(b.op("matmul", h, b.op("transpose", w.Read)), []string{"h1", "h2", "sum_bits"}[i])
		if i < 2 {
			h = b.op("silu", h)
		}
	}
	diff := b.op("sub", h, target)
	loss := named(b.op("mean", b.op("square", diff)), "loss")
	for _, w := range weights {
		w.Next = b.op("sub", w.Read, b.op("mul", b.Apply(ir.GradOp, loss, w.Read), 0.1))
	}
	b.state("metrics.loss_step", ir.MetricState, scalar(0)).Next = loss
	accuracy := b.op("mean", b.op("lt", b.op("abs", diff), 0.5))
	for i, v := range []*ir.Node{loss, accuracy} {
		s := b.state([]string{"metrics.loss", "metrics.accuracy"}[i], ir.MetricState, scalar(0))
		s.Next = b.op("add", b.op("mul", s.Read, 0.999), b.op("mul", v, 1-0.999))
	}
	b.Graph.Outputs = []ir.Output{{Name: "sum_bits", Node: h}}
	return b.program(t)
}
