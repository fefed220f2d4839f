package explain_test

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/lower/explain"
)

// golden compares what is written with a file of testdata.
func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	require.NoError(t, write(&got))
	goldentest.Equal(t, filepath.Join("testdata", name+".golden"), got.String())
}

// program writes graphs for tests.
type program struct {
	*ir.Builder
	step *ir.State
}

// newProgram begins a program with a step counter.
func newProgram() *program {
	b := &program{Builder: ir.NewBuilder(&ir.Graph{})}
	b.step = b.NewState("step", ir.CounterState, ir.Scalar(ir.I64))
	b.step.Next = b.op("add", b.step.Read, 1)
	return b
}

func (b *program) op(name string, args ...any) *ir.Node { return b.Apply(ir.LookupOp(name), args...) }

func (b *program) param(name string, shape ...int) *ir.State {
	return b.NewState(name, ir.ParamState, ir.Type{DType: ir.F32, Shape: append(ir.Shape{}, shape...)})
}

func (b *program) output(name string, n *ir.Node) *ir.Node {
	b.Graph.Outputs = append(b.Graph.Outputs, ir.Output{Name: name, Node: n})
	n.Name, n.Path = name, name
	return n
}

// plan lowers the program.
func (b *program) plan(t *testing.T, o lower.Options) *lower.Plan {
	t.Helper()
	require.NoError(t, b.Err())
	var err error
	o.Manifest, err = kernels.Load()
	require.NoError(t, err)
	p, err := lower.Lower(b.Graph, o)
	require.NoError(t, err)
	return p
}

// onSim has a host and two devices, of which one, the default, has its kernels in a
// language; "" is Go.
func onSim(language string, fuse bool) lower.Options {
	return lower.Options{Default: 1, Targets: []lower.Target{
		{Name: "cpu", Kind: "cpu"}, {Name: "sim:0", Kind: "sim", Language: language, Fuses: fuse}, {Name: "sim:1", Kind: "sim", Fuses: fuse}}}
}

func TestExplanationsMatchTheGoldenFiles(t *testing.T) {
	b := newProgram()
	w, frozen := b.param("w", 4, 4), b.param("frozen", 4)
	w.Device = "cpu"
	x := b.op("uniform", 0.0, 1.0, []any{2, 4}, "f32", b.step.Read, 1)
	y := b.output("y", b.op("add", b.op("matmul", x, b.op("transpose", w.Read)), b.op("tanh", frozen.Read)))
	w.Next = b.op("sub", w.Read, b.op("mul", b.op("matmul", b.op("transpose", y), x), 0.1))
	p := b.plan(t, onSim("", false))
	e := explain.Of(p)
	golden(t, "explain_text", e.WriteText)
	golden(t, "explain_json", func(w io.Writer) error { return explain.WriteJSON(w, e) })
	golden(t, "explain_dot", func(w io.Writer) error { return e.WriteDot(w, p) })
}

// network makes a training step of two layers on batches from a file.
func network(batch, width int) *program {
	b := newProgram()
	x := b.output("x", b.op("source", b.step.Read, "data", "x", "f32", []any{batch, width}))
	w1, w2 := b.param("l1.weight", width, width), b.param("l2.weight", width, width)
	h := b.output("l1", b.op("matmul", x, w1.Read))
	y := b.output("l2", b.op("matmul", h, w2.Read))
	for s, g := range map[*ir.State][2]*ir.Node{w1: {x, h}, w2: {h, y}} {
		gradient := b.op("matmul", g[0], g[1], true)
		gradient.Path = s.Name[:2]
		change := b.op("mul", gradient, 0.1)
		s.Next = b.op("sub", s.Read, change)
		for _, n := range []*ir.Node{change, s.Next} {
			n.Path, n.Update = "optimizer."+s.Name, true
		}
	}
	loss := b.NewState("metrics.loss", ir.MetricState, ir.Scalar(ir.F32))
	loss.Next = b.op("mean", b.op("square", y))
	return b
}

func TestAutoReportsWhatItConsidered(t *testing.T) {
	gpu := lower.Target{Name: "gpu:0", Kind: "opencl", Auto: true, Memory: 1 << 30,
		Speed: device.Speed{Flops: 1e12, Bytes: 100e9, Launch: 5 * time.Microsecond, Link: 6e9}}
	small, unknown, slow := gpu, gpu, gpu
	small.Name, small.Memory = "small:0", 1<<20
	unknown.Name, unknown.Speed = "unknown:0", device.Speed{}
	slow.Name, slow.Speed.Flops = "a slow one", 1e9
	p := network(256, 512).plan(t, lower.Options{Default: lower.Auto,
		Targets: []lower.Target{{Name: "cpu", Kind: "cpu", Speed: device.Speed{Flops: 5e9, Bytes: 10e9, Launch: 30 * time.Nanosecond}}},
		Candidates: func() []lower.Target {
			return []lower.Target{slow, gpu, small, unknown, {Name: "broken:0", Missing: "it is in use"}}
		}})
	golden(t, "auto", explain.Of(p).WriteText)
	require.Len(t, p.Targets, 2, "what isn't used isn't among the targets")
	require.Len(t, p.Spaces, 2)
}

func TestCrossingsSayWhatIsCopied(t *testing.T) {
	o := onSim("", false)
	o.Rules = []ir.PlacementRule{{Match: "*.weight", Device: "cpu"}, {Match: "optimizer.*", Device: "sim:0"}}
	const weight, batch, step = 8 * 8 * 4, 4 * 8 * 4, 8
	require.Equal(t, []explain.Crossing{
		{From: "cpu", To: "sim:0", What: "data", Copies: 1, Bytes: batch},
		{From: "cpu", To: "sim:0", What: "weights", Copies: 2, Bytes: 2 * weight},
		{From: "sim:0", To: "cpu", What: "states", Copies: 1, Bytes: step}, // for the host to read the batch of that step
		{From: "sim:0", To: "cpu", What: "updates", Copies: 2, Bytes: 2 * weight},
	}, explain.Of(network(4, 8).plan(t, o)).Crossings)
	o = onSim("", false)
	o.Default, o.Rules = 0, []ir.PlacementRule{{Match: "l1", Device: "sim:0"}}
	require.Equal(t, []explain.Crossing{
		{From: "cpu", To: "sim:0", What: "data", Copies: 1, Bytes: batch},
		{From: "sim:0", To: "cpu", What: "values", Copies: 1, Bytes: batch},
	}, explain.Of(network(4, 8).plan(t, o)).Crossings)
}

func TestFusionChangesNoCountOfFlops(t *testing.T) {
	for _, fuse := range []bool{false, true} {
		b := newProgram()
		w, g := b.param("w", 4, 3), b.op("uniform", 0.0, 1.0, []any{4, 3}, "f32", b.step.Read, 1)
		w.Next = b.op("sub", w.Read, b.op("mul", g, 0.1))
		e := explain.Of(b.plan(t, onSim("", fuse)))
		require.EqualValues(t, 1+24, e.Totals.Flops, "the counter, and two operations an element")
		require.Equal(t, fuse, slices.ContainsFunc(e.Nodes, func(n explain.Node) bool { return n.Flops == 24 }))
	}
}

func TestFusedNodesAndTheirKernelsAreExplained(t *testing.T) {
	b := newProgram()
	w, x := b.param("w", 4), b.op("uniform", 0.0, 1.0, []any{8, 4}, "f32", b.step.Read, 1)
	h := b.op("silu", b.op("mul", x, w.Read))
	h.Name, h.Path = "h", "h"
	w.Next = b.op("clamp", b.op("sub", w.Read, b.op("mean", h, 0)), -1.0, 1.0)
	p := b.plan(t, onSim("opencl", true))
	golden(t, "explain_fused_text", explain.Of(p).WriteText)
	e, err := explain.KernelsOf(p, kernels.Embedded())
	require.NoError(t, err)
	golden(t, "explain_kernels_text", e.WriteText)
	var json bytes.Buffer
	require.NoError(t, explain.WriteJSON(&json, e))
	for _, k := range e.Kernels {
		if len(k.Sources) > 0 {
			require.Contains(t, json.String(), k.Name)
			require.Contains(t, k.Sources[len(k.Sources)-1].Text, "kernel void ENTRY(PARAMETERS)")
		}
	}
}

func TestKernelsAreExplainedInTheLanguageOfTheirDevice(t *testing.T) {
	for _, language := range kernels.Languages {
		b := newProgram()
		w := b.param("w", 4)
		w.Next = b.op("clamp", b.op("exp", w.Read), -1.0, 1.0)
		e, err := explain.KernelsOf(b.plan(t, onSim(language, true)), kernels.Embedded())
		require.NoError(t, err)
		k := e.Kernels[slices.IndexFunc(e.Kernels, func(k *explain.Kernel) bool { return k.Doc == "fused: exp, clamp" })]
		require.NotEmpty(t, k.Sources)
		require.Len(t, k.Nodes[0].Launches, 1)
		for _, s := range k.Sources {
			require.Regexp(t, "^(generated|kernels/common|kernels/"+language+")/", s.Name)
		}
	}
}
