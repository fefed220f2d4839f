package engine_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/autodiff"
	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
)

var ctx = context.Background()

// builder writes programs for tests.
type builder struct {
	*ir.Builder
	step *ir.State
}

// newBuilder begins a program with a step counter.
func newBuilder() *builder {
	b := &builder{Builder: ir.NewBuilder(&ir.Graph{})}
	b.step = b.NewState("step", ir.CounterState, ir.Scalar(ir.I64))
	b.step.Next = b.Apply(ops.Add, b.step.Read, 1)
	return b
}

// op applies an op by name.
func (b *builder) op(name string, args ...any) *ir.Node { return b.Apply(ir.LookupOp(name), args...) }

// named gives a node a name.
func named(n *ir.Node, name string) *ir.Node {
	n.Name, n.Path = name, name
	return n
}

// mathNet is the program of graphs/math_net.yaml, by hand, with its initial
// values.
func mathNet(t testing.TB) (*ir.Graph, map[string]*ir.Tensor) {
	b := newBuilder()
	random := func(path string) *ir.Node {
		return b.op("randint", 0, 16, []any{1}, "i32", b.step.Read, ir.RandomKey(7, path))
	}
	x1, x2 := random("a"), random("b")
	x := b.op("reshape", b.op("cast", b.op("concat", []any{b.op("bits_of", x1, 4), b.op("bits_of", x2, 4)}, -1), "f32"), []any{1, 8})
	target := b.op("reshape", b.op("cast", b.op("bits_of", b.op("add", x1, x2), 5), "f32"), []any{1, 5})

	values := map[string]*ir.Tensor{"step": ir.NewTensor(ir.Scalar(ir.I64))}
	h := x
	var weights []*ir.State
	for i, shape := range []ir.Shape{{16, 8}, {16, 16}, {5, 16}} {
		name := []string{"h1.weight", "h2.weight", "sum_bits.weight"}[i]
		w := b.NewState(name, ir.ParamState, ir.Type{DType: ir.F32, Shape: shape})
		weights = append(weights, w)
		values[name] = uniform(shape, int64(i))
		h = named(b.op("matmul", h, b.op("transpose", w.Read)), []string{"h1", "h2", "sum_bits"}[i])
		if i < 2 {
			h = b.op("silu", h)
		}
	}
	diff := b.op("sub", h, target)
	loss := named(b.op("mean", b.op("square", diff)), "loss")
	for _, w := range weights {
		g := b.Apply(ir.GradOp, loss, w.Read)
		w.Next = b.op("sub", w.Read, b.op("mul", g, 0.1))
	}
	raw := b.NewState("metrics.loss_step", ir.MetricState, ir.Scalar(ir.F32))
	raw.Next = loss
	values[raw.Name] = ir.NewTensor(raw.Type)
	accuracy := b.op("mean", b.op("lt", b.op("abs", diff), 0.5))
	for name, v := range map[string]*ir.Node{"loss": loss, "accuracy": accuracy} {
		s := b.NewState("metrics."+name, ir.MetricState, ir.Scalar(ir.F32))
		s.Next = b.op("add", b.op("mul", s.Read, 0.999), b.op("mul", v, 1-0.999))
		values[s.Name] = ir.NewTensor(s.Type)
	}
	b.Graph.Outputs = []ir.Output{{Name: "sum_bits", Node: h}}
	require.NoError(t, b.Err())
	require.NoError(t, autodiff.Expand(b.Graph))
	require.NoError(t, ir.Verify(b.Graph, true))
	return b.Graph, values
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

func manifest(t testing.TB) *kernels.Manifest {
	m, err := kernels.Load()
	require.NoError(t, err)
	return m
}

// onCPU starts a program on the CPU alone.
func onCPU(t testing.TB, g *ir.Graph, values map[string]*ir.Tensor, o engine.Options) *engine.Session {
	return start(t, g, values, []device.Device{cpu.New("cpu")}, lower.Options{}, o)
}

// start lowers a program onto devices, the first of which is the host, and sets
// its states.
func start(t testing.TB, g *ir.Graph, values map[string]*ir.Tensor, devices []device.Device, lo lower.Options, o engine.Options) *engine.Session {
	for _, d := range devices {
		lo.Targets = append(lo.Targets, lower.Target{Name: d.Name(), Kind: d.Info().Kind})
	}
	lo.Manifest = manifest(t)
	lo.CheckTypes = true
	plan, err := lower.Lower(g, lo)
	require.NoError(t, err)
	s, err := engine.New(plan, devices, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.SetAll(values))
	return s
}
