package lower

import (
	"cmp"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower/place"
)

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

// param adds a state of f32.
func (b *program) param(name string, shape ...int) *ir.State {
	return b.NewState(name, ir.ParamState, ir.Type{DType: ir.F32, Shape: append(ir.Shape{}, shape...)})
}

// output names a node, its path included, and makes it reachable.
func (b *program) output(name string, n *ir.Node) *ir.Node {
	b.Graph.Outputs = append(b.Graph.Outputs, ir.Output{Name: name, Node: n})
	n.Name, n.Path = name, name
	return n
}

// on makes a node where it must run.
func (b *program) on(device, name string, args ...any) *ir.Node {
	n := b.op(name, args...)
	n.Device = device
	return n
}

// tester is what a test, a benchmark and a property have in common.
type tester interface {
	require.TestingT
	Helper()
	Fatalf(format string, args ...any)
}

// three are a host and two devices.
var three = []Target{{Name: "cpu", Kind: "cpu"}, {Name: "sim:0", Kind: "sim"}, {Name: "sim:1", Kind: "sim"}}

// options lowers onto three devices, by default onto one of them, with types
// checked after every pass.
func options(t tester, space int) Options {
	t.Helper()
	m, err := kernels.Load()
	require.NoError(t, err)
	return Options{Targets: three, Default: space, Manifest: m, CheckTypes: true}
}

// plan lowers the program.
func (b *program) plan(t tester, o Options) *Plan {
	t.Helper()
	require.NoError(t, b.Err())
	p, err := Lower(b.Graph, o)
	require.NoError(t, err)
	return p
}

// state finds a state.
func (p *Plan) state(name string) *ir.State { return p.Graph.State(name) }

// named finds a node that can be asked for.
func (p *Plan) named(name string) *ir.Node {
	for _, o := range p.Graph.Outputs {
		if o.Name == name {
			return o.Node
		}
	}
	return nil
}

// count counts the nodes of an op.
func (p *Plan) count(op string) (n int) {
	for _, node := range p.Graph.Nodes {
		if node.Op.Name == op {
			n++
		}
	}
	return n
}

// crossing is what every step copies from one device to another.
type crossing struct {
	from, to      string
	copies, bytes int64
}

// crossings lists them by devices, in the order of names.
func (p *Plan) crossings() (all []crossing) {
	perStep := place.PerStep(p.Graph)
	for i, n := range p.Graph.Nodes {
		if n.Op != ir.CopyOp || n.Inputs[0].Space == n.Space || p.Values[i].Alias || !perStep[i] {
			continue
		}
		from, to := p.Targets[n.Inputs[0].Space].Name, p.Targets[n.Space].Name
		at := slices.IndexFunc(all, func(c crossing) bool { return c.from == from && c.to == to })
		if at < 0 {
			at = len(all)
			all = append(all, crossing{from: from, to: to})
		}
		all[at].copies++
		all[at].bytes += p.Values[i].Bytes
	}
	slices.SortFunc(all, func(a, b crossing) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	return all
}

// copied is how many bytes they are.
func (p *Plan) copied() (bytes int64) {
	for _, c := range p.crossings() {
		bytes += c.bytes
	}
	return bytes
}

// kernelsPerStep counts the kernels of a step.
func (p *Plan) kernelsPerStep() (n int) {
	for i, runs := range place.PerStep(p.Graph) {
		if runs && p.Values[i].Kernel != nil {
			n++
		}
	}
	return n
}

// drawProgram draws a program over values of five sizes, one of them 0, with states
// that steps write in all ways there are.
func drawProgram(t *rapid.T) *program {
	b := newProgram()
	devices := rapid.SampledFrom([]string{"", "", "cpu", "sim:0", "sim:1"})
	sizes := []int{1, 5, 40, 300, 0}
	pool := make([][]*ir.Node, len(sizes))
	var states []*ir.State
	for i := range rapid.IntRange(5, 11).Draw(t, "states") {
		s := b.param(string(rune('a'+i)), sizes[i%5])
		s.Device = devices.Draw(t, "home")
		states = append(states, s)
		pool[i%5] = append(pool[i%5], s.Read)
	}
	value := func(size int) *ir.Node {
		return pool[size][rapid.IntRange(0, len(pool[size])-1).Draw(t, "value")]
	}
	for i := range rapid.IntRange(1, 60).Draw(t, "nodes") {
		size := rapid.IntRange(0, 12).Draw(t, "size") / 3 // of 0 more rarely
		b.Device = devices.Draw(t, "device")
		var n *ir.Node
		switch rapid.IntRange(0, 4).Draw(t, "op") {
		case 0:
			n = b.op("tanh", value(size))
		case 1:
			n = b.op("add", value(size), value(size))
		case 2:
			n = b.op("mul", value(size), value(0))
		case 3:
			n = b.op("uniform", 0.0, 1.0, []any{sizes[size]}, "f32", b.step.Read, i)
		default:
			n = b.op("flip", value(size), 0)
		}
		pool[size] = append(pool[size], n)
		if rapid.IntRange(0, 4).Draw(t, "output") == 0 {
			b.output(n.Label(), n)
		}
	}
	for i, s := range states {
		if rapid.IntRange(0, 3).Draw(t, "trained") > 0 {
			s.Next = value(i % 5)
		}
	}
	return b
}
