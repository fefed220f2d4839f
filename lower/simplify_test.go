package lower_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/lower/explain"
	"github.com/flowrun/flowrun/lower/rewrite"
)

// graphs writes programs for the tests of simplification.
type graphs struct {
	*ir.Builder
	t      testing.TB
	values map[string]*ir.Tensor
}

func newGraph(t testing.TB) *graphs {
	return &graphs{ir.NewBuilder(&ir.Graph{}), t, map[string]*ir.Tensor{}}
}

func (g *graphs) op(name string, args ...any) *ir.Node { return g.Apply(ir.LookupOp(name), args...) }

// state is a leaf with values that count up from 1.
func (g *graphs) state(name string, d ir.DType, shape ...int) *ir.Node {
	s := g.NewState(name, ir.ParamState, ir.Type{DType: d, Shape: append(ir.Shape{}, shape...)})
	v := ir.NewTensor(s.Type)
	for i := range s.Type.Shape.Numel() {
		v.SetFloat(i, float64(i+1))
	}
	g.values[name] = v
	return s.Read
}

func (g *graphs) output(name string, n *ir.Node) {
	g.Graph.Outputs = append(g.Graph.Outputs, ir.Output{Name: name, Node: n})
}

func name(n *ir.Node, name string) *ir.Node {
	n.Name, n.Path = name, name
	return n
}

// lower lowers onto two CPUs, cpu and cpu:1.
func (g *graphs) lower(o lower.Options) *lower.Plan {
	g.t.Helper()
	require.NoError(g.t, g.Err())
	m, err := kernels.Load()
	require.NoError(g.t, err)
	o.Manifest, o.CheckTypes = m, true
	o.Targets = []lower.Target{{Name: "cpu", Kind: "cpu"}, {Name: "cpu:1", Kind: "cpu"}}
	p, err := lower.Lower(g.Graph, o)
	require.NoError(g.t, err)
	return p
}

// get runs a plan and asks for a name.
func (g *graphs) get(p *lower.Plan, name string) *ir.Tensor {
	g.t.Helper()
	s, err := engine.New(p, []device.Device{cpu.New("cpu"), cpu.New("cpu:1")}, engine.Options{})
	require.NoError(g.t, err)
	defer s.Close()
	require.NoError(g.t, s.SetAll(g.values))
	v, err := s.Get(name)
	require.NoError(g.t, err)
	return v
}

// lowerBy is lower with other rewrites than all of them; without any, constants
// aren't folded either.
func (g *graphs) lowerBy(o lower.Options, rewrites ...*rewrite.Rewrite) *lower.Plan {
	g.t.Helper()
	for i, pass := range lower.Passes {
		if pass.Name == "simplify" || pass.Name == "resimplify" {
			defer func() { lower.Passes[i].Run = pass.Run }()
			lower.Passes[i].Run = func(p *lower.Plan) error {
				if len(rewrites) == 0 {
					return nil
				}
				return lower.SimplifyBy(p, rewrite.NewSet(rewrites))
			}
		}
	}
	return g.lower(o)
}

// rewritesThat picks rewrites.
func rewritesThat(t testing.TB, pick func(r *rewrite.Rewrite) bool) []*rewrite.Rewrite {
	set, err := rewrite.Default()
	require.NoError(t, err)
	return slices.DeleteFunc(slices.Clone(set.Rewrites), func(r *rewrite.Rewrite) bool { return !pick(r) })
}

// calls lists what the named output is computed with, operands first.
func calls(p *lower.Plan, output string) []string {
	var order []string
	var visit func(n *ir.Node)
	visit = func(n *ir.Node) {
		for _, in := range n.Inputs {
			visit(in)
		}
		if n.State == nil && n.Op != ir.ConstOp {
			order = append(order, n.Op.Name)
		}
	}
	for _, o := range p.Graph.Outputs {
		if o.Name == output {
			visit(o.Node)
		}
	}
	return order
}

func TestSeveralRewritesReachAFixedPoint(t *testing.T) {
	g := newGraph(t)
	x, y := g.state("x", ir.F32, 2, 3), g.state("y", ir.F32, 2, 3)
	minusOne := g.op("sub", 1.0, g.op("neg", g.Scalar(ir.F32, -2.0))) // a constant, once folded
	g.output("out", g.op("mul", g.op("add", x, g.op("mul", minusOne, g.op("reshape", y, []any{2, 3}))), 1.0))
	p := g.lower(lower.Options{})
	require.Equal(t, []string{"sub"}, calls(p, "out"))
	require.Equal(t, map[string]int{"fold": 2, "reshape-to-own": 1, "negate": 1, "subtract-negated": 1, "multiply-by-one": 1}, p.Applied)
}

func TestRewritesApplyToDecompositions(t *testing.T) {
	g := newGraph(t)
	a, b := g.state("a", ir.F32, 2, 3), g.state("b", ir.F32, 2, 3)
	g.output("out", g.op("matmul", a, g.op("transpose", b)))
	only := rewritesThat(t, func(r *rewrite.Rewrite) bool { return r.Name == "permute-right" })
	require.Equal(t, []string{"matmul"}, calls(g.lowerBy(lower.Options{}, only...), "out"))
}

func TestAProductThatIsUsedTwiceIsNotComputedTwice(t *testing.T) {
	g := newGraph(t)
	m := g.op("matmul", g.state("a", ir.F32, 2, 3), g.state("b", ir.F32, 3, 4))
	g.output("transposed", g.op("transpose", m))
	require.Equal(t, []string{"matmul"}, calls(g.lower(lower.Options{}), "transposed"))
	g.output("sum", g.op("sum", m))
	require.Equal(t, []string{"matmul", "permute"}, calls(g.lower(lower.Options{}), "transposed"))
}

func TestARewriteDoesNotMoveWhatIsPinnedToADevice(t *testing.T) {
	build := func(bind func(negative, sum *ir.Node)) *graphs {
		g := newGraph(t)
		first, second := g.state("a", ir.F32, 3), g.state("b", ir.F32, 3)
		first.State.Device, second.State.Device = "cpu", "cpu"
		negative := g.op("mul", second, -1.0)
		sum := g.op("add", first, negative)
		negative.Path, sum.Path = "negative", "sum"
		bind(negative, sum)
		g.output("out", sum)
		return g
	}
	apart := build(func(negative, _ *ir.Node) { negative.Device = "cpu:1" })
	// Negation is as good as the product, and stays where it was.
	require.Equal(t, []string{"copy", "neg", "copy", "add"}, calls(apart.lower(lower.Options{}), "out"))
	together := build(func(negative, sum *ir.Node) { negative.Device, sum.Device = "cpu:1", "cpu:1" })
	require.Equal(t, []string{"copy", "copy", "sub"}, calls(together.lower(lower.Options{}), "out"))
	ruled := build(func(_, _ *ir.Node) {})
	require.Equal(t, []string{"copy", "neg", "copy", "add"},
		calls(ruled.lower(lower.Options{Rules: []ir.PlacementRule{{Match: "neg*", Device: "cpu:1"}}}), "out"))
}

func TestANodeThatCannotBePlacedIsStillReported(t *testing.T) {
	g := newGraph(t)
	lost := g.op("mul", g.state("x", ir.F32, 3), 1.0)
	lost.Path, lost.Device = "lost", "tpu:9"
	g.output("out", lost)
	m, err := kernels.Load()
	require.NoError(t, err)
	_, err = lower.Lower(g.Graph, lower.Options{Manifest: m, Targets: []lower.Target{{Name: "cpu", Kind: "cpu"}}})
	require.ErrorContains(t, err, "lost must run on tpu:9")
}

func TestNamesOfRemovedNodesCanStillBeRead(t *testing.T) {
	g := newGraph(t)
	x, y := g.state("x", ir.F32, 3), g.state("y", ir.F32, 3)
	negative := name(g.op("mul", y, -1.0), "swallowed")
	difference := name(g.op("add", x, negative), "replaced by a new node")
	same := name(g.op("mul", difference, 1.0), "replaced by a named node")
	g.output("out", g.op("add", same, name(g.op("add", x, 0.0), "replaced by a state")))
	shared := name(g.op("exp", x), "first of two")
	g.output("more", g.op("add", shared, name(g.op("exp", x), "second of two")))
	p := g.lower(lower.Options{})
	require.Equal(t, []string{"sub", "add"}, calls(p, "out"))
	for name, want := range map[string][]float32{
		"swallowed":                {-1, -2, -3},
		"replaced by a new node":   {0, 0, 0},
		"replaced by a named node": {0, 0, 0},
		"replaced by a state":      {1, 2, 3},
	} {
		require.InDeltaSlice(t, want, g.get(p, name).Float32s(), 0, name)
	}
	require.Equal(t, g.get(p, "first of two"), g.get(p, "second of two"))
}

func TestStepsDoNotRunNodesKeptOnlyForTheirNames(t *testing.T) {
	g := newGraph(t)
	x, y := g.state("x", ir.F32, 3), g.state("y", ir.F32, 3)
	x.State.Next = g.op("add", x, name(g.op("mul", y, -1.0), "swallowed"))
	p := g.lower(lower.Options{})
	require.EqualValues(t, 1, explain.Of(p).Totals.Kernels)
	require.Equal(t, []float32{-1, -2, -3}, g.get(p, "swallowed").Float32s())
}

func TestAStateThatBecomesAnotherStillReadsItsOldValue(t *testing.T) {
	g := newGraph(t)
	x, y := g.state("x", ir.F32, 2), g.state("y", ir.F32, 2)
	x.State.Next, y.State.Next = g.op("mul", y, 1.0), g.op("sub", x, 0.0) // a swap, once simplified
	g.values["y"] = ir.FromFloat32(ir.Shape{2}, []float32{8, 9})
	p := g.lower(lower.Options{})
	s, err := engine.New(p, []device.Device{cpu.New("cpu"), cpu.New("cpu:1")}, engine.Options{})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.SetAll(g.values))
	require.NoError(t, s.Step(t.Context()))
	for name, want := range map[string][]float32{"x": {8, 9}, "y": {1, 2}} {
		v, err := s.Get(name)
		require.NoError(t, err)
		require.Equal(t, want, v.Float32s(), name)
	}
}

// randomGraph is a graph full of what rewrites look for.
func randomGraph(t testing.TB, seed uint64) *graphs {
	r := rand.New(rand.NewPCG(seed, 2))
	g := newGraph(t)
	dtype := []ir.DType{ir.I32, ir.F16, ir.BF16, ir.F32, ir.F64}[r.IntN(5)]
	pool := []*ir.Node{g.state("a", dtype, 2, 3), g.state("b", dtype, 3, 3), g.state("c", dtype, 3), g.state("d", dtype, 1, 3)}
	pick := func() any {
		if r.IntN(4) == 0 {
			return []any{-1, 0, 1, 2}[r.IntN(4)]
		}
		return pool[r.IntN(len(pool))]
	}
	for range 40 {
		x, ok := pick().(*ir.Node)
		if !ok {
			continue
		}
		var n *ir.Node
		var err error
		op := []string{"add", "sub", "mul", "neg", "maximum", "transpose", "matmul", "reshape", "broadcast_to", "abs", "sum", "where"}[r.IntN(12)]
		args := []any{x}
		switch op {
		case "add", "sub", "mul", "maximum":
			args = append(args, pick())
			r.Shuffle(2, func(i, j int) { args[i], args[j] = args[j], args[i] })
		case "matmul":
			args = append(args, pick(), r.IntN(2) == 0, r.IntN(2) == 0)
		case "reshape":
			args = append(args, []any{[]any{-1}, []any{3, -1}, []any{-1, 1}}[r.IntN(3)])
		case "broadcast_to":
			args = append(args, []any{[]any{2, 3}, []any{3, 3}}[r.IntN(2)])
		case "sum":
			args = append(args, r.IntN(2), r.IntN(2) == 0)
		case "where":
			if n, err = g.Call(ir.LookupOp("lt"), []any{x, pick()}); err != nil {
				continue
			}
			args = []any{n, pick(), pick()}
		}
		n, err = g.Call(ir.LookupOp(op), args)
		if err != nil || n.Type.DType != dtype || n.Type.Shape.Numel() > 30 || len(n.Type.Shape) > 4 {
			continue
		}
		if r.IntN(8) == 0 {
			n.Device = "cpu:1"
		}
		pool = append(pool, n)
	}
	for i, n := range pool[4:] {
		g.output(fmt.Sprint("out", i), n)
	}
	return g
}

func TestSimplifiedGraphsGiveTheSameBits(t *testing.T) {
	applied := map[string]int{}
	exact := rewritesThat(t, func(r *rewrite.Rewrite) bool { return !r.Rounding })
	for seed := range uint64(150) {
		g := randomGraph(t, seed)
		plain := g.lowerBy(lower.Options{})
		simple := g.lowerBy(lower.Options{Shuffle: int64(seed)}, exact...)
		require.Zero(t, simple.Applied["fold-rounded"], "seed %d", seed)
		for name, n := range simple.Applied {
			applied[name] += n
		}
		want, got := g.all(plain), g.all(simple)
		for name := range want {
			require.Equal(t, want[name], got[name], "seed %d: %s", seed, name)
		}
	}
	require.Greater(t, len(applied), 20, "the graphs exercise the rewrites: %v", applied)
}

// all gives the values of all outputs.
func (g *graphs) all(p *lower.Plan) map[string]*ir.Tensor {
	s, err := engine.New(p, []device.Device{cpu.New("cpu"), cpu.New("cpu:1")}, engine.Options{})
	require.NoError(g.t, err)
	defer s.Close()
	require.NoError(g.t, s.SetAll(g.values))
	values := map[string]*ir.Tensor{}
	for _, o := range g.Graph.Outputs {
		v, err := s.Get(o.Name)
		require.NoError(g.t, err)
		values[o.Name] = v
	}
	return values
}

func TestSimplifyingTwiceChangesNothing(t *testing.T) {
	for seed := range uint64(100) {
		p := randomGraph(t, seed).lower(lower.Options{})
		again := &graphs{ir.NewBuilder(unplaced(p.Graph)), t, nil}
		require.Empty(t, again.lower(lower.Options{}).Applied, "seed %d", seed)
	}
}

// unplaced is a lowered graph as it was before placement: without copies.
func unplaced(g *ir.Graph) *ir.Graph {
	c := g.Clone()
	for _, n := range c.Nodes {
		for i, in := range n.Inputs {
			if in.Op == ir.CopyOp {
				n.Inputs[i] = in.Inputs[0]
			}
		}
	}
	for i, o := range c.Outputs {
		if o.Node.Op == ir.CopyOp {
			c.Outputs[i].Node = o.Node.Inputs[0]
		}
	}
	if err := c.Sort(); err != nil {
		panic(err)
	}
	return c
}

func TestSimplifyingIsLinear(t *testing.T) {
	took := func(nodes int) time.Duration {
		g := newGraph(t)
		x := g.state("x", ir.F32, 4)
		y := x
		for i := range nodes {
			switch i % 4 {
			case 0:
				y = g.op("add", y, g.op("mul", x, -1.0))
			case 1:
				y = g.op("mul", y, 1.0)
			case 2:
				y = g.op("neg", y)
			default:
				y = g.op("exp", y)
			}
		}
		g.output("out", y)
		require.NoError(t, g.Err())
		m, err := kernels.Load()
		require.NoError(t, err)
		var began time.Time
		var spent time.Duration
		_, err = lower.Lower(g.Graph, lower.Options{Manifest: m, Targets: []lower.Target{{Name: "cpu", Kind: "cpu"}},
			Observe: func(pass string, _ *lower.Plan) error {
				switch pass {
				case "dce":
					began = time.Now()
				case "simplify":
					spent = time.Since(began)
				}
				return nil
			}})
		require.NoError(t, err)
		return spent
	}
	small, large := took(10_000), took(100_000)
	t.Logf("10,000 nodes: %v; 100,000: %v", small, large)
	// Ten times the nodes; the rest is caches and the noise of a busy machine.
	// A quadratic pass would take 100 times as long, many seconds.
	require.Less(t, large, 40*small+time.Second)
}
