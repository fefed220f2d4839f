package lower

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// A host and a GPU as they are made.
var (
	host = Target{Name: "cpu", Kind: "cpu", Speed: device.Speed{Flops: 5e9, Bytes: 10e9, Launch: 30 * time.Nanosecond}}
	gpu  = Target{Name: "gpu:0", Kind: "opencl", Auto: true, Memory: 1 << 30,
		Speed: device.Speed{Flops: 1e12, Bytes: 100e9, Launch: 5 * time.Microsecond, Link: 6e9}}
)

// machine lowers by Auto onto a host and what may be added to it.
func machine(t tester, candidates ...Target) Options {
	o := options(t, Auto)
	o.Targets = []Target{host}
	o.Candidates = func() []Target { return candidates }
	return o
}

// network makes a training step of two layers on batches from a file.
func network(batch, width int) *program {
	b := newProgram()
	x := b.output("x", b.op("source", b.step.Read, "data", "x", "f32", []any{batch, width}))
	w1, w2 := b.param("l1.weight", width, width), b.param("l2.weight", width, width)
	layer := func(name string, x, w *ir.Node) *ir.Node {
		n := b.op("matmul", x, w)
		n.Path = name
		return b.output(name, n)
	}
	h := layer("l1", x, w1.Read)
	y := layer("l2", h, w2.Read)
	for s, g := range map[*ir.State][2]*ir.Node{w1: {x, h}, w2: {h, y}} {
		grad := b.op("matmul", g[0], g[1], true)
		grad.Path = s.Name[:2]
		step := b.op("mul", grad, 0.1)
		s.Next = b.op("sub", s.Read, step)
		for _, n := range []*ir.Node{step, s.Next} {
			n.Path, n.Update = "optimizer."+s.Name, true
		}
	}
	loss := b.NewState("metrics.loss", ir.MetricState, ir.Scalar(ir.F32))
	loss.Next = b.op("mean", b.op("square", y))
	return b
}

func TestASmallProgramRunsOnTheHostAndNoDeviceIsLookedFor(t *testing.T) {
	o := machine(t)
	o.Candidates = func() []Target {
		t.Error("asked for devices")
		return nil
	}
	p := network(1, 8).plan(t, o)
	require.Equal(t, "cpu", p.Choice.Device)
	require.Equal(t, 0, p.Main)
	require.Contains(t, p.Choice.Reason, "launching its")
}

func TestALargeProgramRunsOnTheGPU(t *testing.T) {
	p := network(256, 512).plan(t, machine(t, gpu))
	require.Equal(t, "gpu:0", p.Targets[p.Main].Name)
	require.Equal(t, "gpu:0", p.Choice.Device)
	require.Equal(t, 1, p.named("l1").Space)
	require.Equal(t, 1, p.state("l1.weight").Home)
	require.Equal(t, 0, p.state("step").Home, "so that the host needn't wait for the device to read a batch")
	require.Equal(t, []crossing{{"cpu", "gpu:0", 1, 256 * 512 * 4}}, p.crossings())
	require.Equal(t, "auto", p.Value(p.named("l1")).Reason)
}

func TestWithoutCandidatesEverythingRunsOnTheHost(t *testing.T) {
	p := network(256, 512).plan(t, machine(t))
	require.Equal(t, "cpu", p.Choice.Device)
	require.Len(t, p.Targets, 1)
	require.Zero(t, p.count("copy"))
}

func TestOfEqualDevicesTheFirstByNameIsChosen(t *testing.T) {
	first := gpu
	first.Name = "gpu:-1"
	for _, order := range [][]Target{{gpu, first}, {first, gpu}} {
		require.Equal(t, "gpu:-1", network(256, 512).plan(t, machine(t, order...)).Choice.Device)
	}
}

func TestADeviceThatIsNotOfferedIsNotChosen(t *testing.T) {
	o := machine(t)
	sim := gpu
	sim.Name, sim.Auto = "sim:0", false
	o.Targets = append(o.Targets, sim)
	require.Equal(t, "cpu", network(256, 512).plan(t, o).Choice.Device)
	o.Targets[1].Auto = true
	require.Equal(t, "sim:0", network(256, 512).plan(t, o).Choice.Device)
}

func TestADeviceOfUnknownSpeedGetsOnlyHomesAndUpdates(t *testing.T) {
	o := machine(t)
	o.Targets = append(o.Targets, Target{Name: "sim:0", Kind: "sim"})
	o.Rules = []ir.PlacementRule{{Match: "l1", Device: "sim:0"}}
	p := network(4, 8).plan(t, o)
	require.Equal(t, 0, p.named("l2").Space)
	require.Equal(t, 1, p.state("l1.weight").Home)
	require.Equal(t, 1, p.state("l1.weight").Next.Space)
}

// pinned pins the nodes of a path to a device, and leaves its weights free.
func pinned(b *program, path, device string) *program {
	for _, n := range b.Graph.Nodes {
		if n.Path == path && n.State == nil {
			n.Device = device
		}
	}
	return b
}

// What is pinned elsewhere takes along what would cost more to carry, and no more.
func TestALayerPinnedToTheHostLeavesTheOthersOnTheGPU(t *testing.T) {
	o := machine(t, gpu)
	p := pinned(network(256, 512), "l1", "cpu").plan(t, o)
	at := func(space int) string { return p.Targets[space].Name }
	require.Equal(t, "cpu", at(p.state("l1.weight").Home))
	require.Equal(t, "cpu", at(p.state("l1.weight").Next.Space))
	require.Equal(t, "gpu:0", at(p.state("l2.weight").Home))
	require.Equal(t, "gpu:0", at(p.named("l2").Space))
	require.Equal(t, []crossing{{"cpu", "gpu:0", 1, 256 * 512 * 4}}, p.crossings())
	require.Equal(t, "auto; fewest bytes cross", p.Homes[p.state("l1.weight")])
	require.Equal(t, "its own device:", p.Value(p.named("l1")).Reason)
}

// With a named default, only homes and updates follow what they work with.
func TestWeightsAndTheirUpdatesFollowTheirLayer(t *testing.T) {
	o := options(t, 0)
	p := pinned(network(4, 8), "l1", "sim:0").plan(t, o)
	require.Equal(t, 1, p.state("l1.weight").Home)
	require.Equal(t, "default; fewest bytes cross", p.Homes[p.state("l1.weight")])
	require.Equal(t, 1, p.state("l1.weight").Next.Space)
	require.Equal(t, 0, p.state("l2.weight").Home)
	require.Equal(t, 0, p.named("l2").Space)
	require.Equal(t, []crossing{{"cpu", "sim:0", 1, 128}, {"sim:0", "cpu", 1, 128}}, p.crossings())
}

// The case for which dirty edges were made: a weight at home on the host and a
// matmul on a device, which is exactly weight, copy, matmul.
func TestWeightsPinnedToTheHostAreCopiedForTheirMatmul(t *testing.T) {
	o := options(t, 1)
	o.Rules = []ir.PlacementRule{{Match: "*.weight", Device: "cpu"}, {Match: "optimizer.*", Device: "sim:0"}}
	p := network(4, 8).plan(t, o)
	for _, layer := range []string{"l1", "l2"} {
		w := p.state(layer + ".weight")
		require.Equal(t, 0, w.Home)
		matmul := p.named(layer)
		require.Equal(t, 1, matmul.Space)
		require.Equal(t, ir.CopyOp, matmul.Inputs[1].Op)
		require.Same(t, w.Read, matmul.Inputs[1].Inputs[0])
	}
	const weight, batch, step = 8 * 8 * 4, 4 * 8 * 4, 8
	require.Equal(t, []crossing{
		{"cpu", "sim:0", 3, 2*weight + batch},
		{"sim:0", "cpu", 3, 2*weight + step}, // for the host to read the batch of that step
	}, p.crossings())
}

func TestADTypeThatADeviceDoesNotSupportIsAnError(t *testing.T) {
	at := diag.Range{File: "net.yaml", Start: diag.Pos{Line: 3, Col: 5}, End: diag.Pos{Line: 3, Col: 9}}
	wide := func(bind func(n *ir.Node)) *program {
		b := newProgram()
		s := b.NewState("s", ir.ParamState, ir.Type{DType: ir.F64, Shape: ir.Shape{4}})
		n := b.output("h1", b.op("tanh", s.Read))
		n.Origin = at
		b.output("last", b.op("exp", b.op("cast", n, "f32")))
		bind(n)
		return b
	}
	lacking := func(space int) Options {
		o := options(t, space)
		o.Targets = []Target{{Name: "cpu", Kind: "cpu"}, {Name: "gpu:0", Kind: "opencl", Lacks: []string{"f64"}}}
		return o
	}
	for name, c := range map[string]struct {
		o    Options
		bind func(n *ir.Node)
	}{
		"pinned":  {lacking(0), func(n *ir.Node) { n.Device = "gpu:0" }},
		"default": {lacking(1), func(*ir.Node) {}},
	} {
		_, err := Lower(wide(c.bind).Graph, c.o)
		var e *Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, "no-kernel", e.Rule)
		require.Equal(t, at, e.Range)
		require.Equal(t, "h1: tanh has no kernel in f64 on gpu:0: the device doesn't support f64", e.Msg)
	}
	p := wide(func(n *ir.Node) { n.Prefer = "gpu:0" }).plan(t, lacking(0))
	require.Equal(t, 0, p.named("h1").Space)
	require.Equal(t, "default; the preferred gpu:0 has no f64", p.Value(p.named("h1")).Reason)

	// With Auto, only what can't run there stays on the host.
	b := network(256, 512)
	s := b.NewState("sum", ir.MetricState, ir.Scalar(ir.F64))
	wideSum := b.op("add", s.Read, b.op("cast", b.op("mean", b.Graph.Outputs[2].Node), "f64"))
	s.Next = wideSum
	b.output("sum now", wideSum)
	lacking64 := gpu
	lacking64.Lacks = []string{"f64"}
	p = b.plan(t, machine(t, lacking64))
	require.Equal(t, 1, p.named("l2").Space)
	require.Equal(t, "auto; gpu:0 has no f64", p.Value(p.named("sum now")).Reason)
	require.Equal(t, 0, p.state("sum").Home, "and what it reads and writes with it")
	require.Equal(t, int64(4), p.crossings()[len(p.crossings())-1].bytes, "the f32 mean crosses, not its f64")
}
