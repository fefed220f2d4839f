package lower

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// sabotage lowers a program with a pass that does something wrong at its end,
// and gives the error.
func sabotage(t *testing.T, pass string, wrong func(p *Plan)) error {
	t.Helper()
	b := newProgram()
	w := b.param("w", 4)
	v := b.param("v", 4)
	w.Device = "cpu"
	h := b.output("h", b.op("tanh", b.op("mul", w.Read, v.Read)))
	w.Next, v.Next = b.op("sub", w.Read, h), b.op("tanh", v.Read)
	b.output("last", b.op("flip", v.Read, 0))
	b.output("frozen", b.op("exp", b.param("fixed", 4).Read))
	turned := b.param("turned", 4)
	turned.Next = b.op("flip", turned.Read, 0)
	return b.sabotage(t, options(t, 1), pass, wrong)
}

// passNumber is where a pass stands in the table.
func passNumber(name string) int {
	return slices.IndexFunc(Passes, func(p Pass) bool { return p.Name == name })
}

func (b *program) sabotage(t *testing.T, o Options, pass string, wrong func(p *Plan)) error {
	t.Helper()
	i := passNumber(pass)
	right := Passes[i].Run
	defer func() { Passes[i].Run = right }()
	Passes[i].Run = func(p *Plan) error {
		err := right(p)
		wrong(p)
		return err
	}
	_, err := Lower(b.Graph, o)
	require.ErrorContains(t, err, "after the pass "+pass)
	return err
}

func TestTheVerifierNamesThePassAndTheNode(t *testing.T) {
	for _, c := range []struct {
		name, pass string
		wrong      func(p *Plan)
		want       string
	}{
		{"a dropped operand", "dce", func(p *Plan) { p.named("h").Inputs[0] = nil }, "h has no value for an operand"},
		{"an operand outside of the graph", "cse", func(p *Plan) { c := *p.named("h").Inputs[0]; p.named("h").Inputs[0] = &c }, "h uses"},
		{"a wrong type", "decompose", func(p *Plan) { p.named("h").Type.DType = ir.F64 }, "h is f64[4], but its op gives f32[4]"},
		{"a dropped state", "dce", func(p *Plan) { p.state("v").Read = p.state("w").Read }, "state v is not read by its own node"},
		{"a state of another type", "simplify", func(p *Plan) { p.state("v").Next = p.state("step").Next }, "state v is f32[4] but its next value is i64[]"},
		{"nodes out of order", "dce", func(p *Plan) {
			g := p.Graph
			last := len(g.Nodes) - 1
			g.Nodes[0], g.Nodes[last] = g.Nodes[last], g.Nodes[0]
			number(g)
		}, "comes before its operand"},
		{"a node nowhere", "place", func(p *Plan) { p.named("h").Space = -1 }, "h is in no memory space"},
		{"a home elsewhere", "place", func(p *Plan) { p.state("v").Home = 0 }, "state v lives in space 0 and is read in 1"},
		{"an edge across spaces", "copies", func(p *Plan) { p.named("last").Space = 2 }, "last in space 2 reads v of space 1"},
		{"a copy of a copy", "copies", func(p *Plan) {
			c := copyOf(p, p.state("w").Read)
			d := *c
			d.Inputs, d.Name = []*ir.Node{c}, "again"
			insertAfter(p, c, &d)
		}, "again copies the copy"},
		{"a second copy", "copies", func(p *Plan) {
			c := copyOf(p, p.state("w").Read)
			d := *c
			insertAfter(p, c, &d)
		}, "two copies of w in space 1"},
		{"a copy that goes nowhere", "copies", func(p *Plan) {
			c := copyOf(p, p.state("w").Read)
			d := *c
			d.Space, d.Name = 0, "here"
			insertAfter(p, c, &d)
		}, "here copies w into its own space"},
		{"an update that isn't at home", "copies", func(p *Plan) { p.state("w").Next = p.named("h") }, "state w lives in space 0 but becomes a value of space 1"},
		{"a state that becomes another's home", "copies", func(p *Plan) { p.state("w").Next = p.state("w").Read }, "becomes state w without a copy"},
		{"a node without a kernel", "bind", func(p *Plan) { p.Value(p.named("h")).Kernel = nil }, "h has no kernel"},
		{"a kernel for a state", "bind", func(p *Plan) { p.Value(p.state("v").Read).Kernel, _ = kernelNamed("exp") }, "v has the kernel exp, but computes nothing"},
		{"a kernel of another op", "bind", func(p *Plan) { p.Value(p.named("h")).Kernel, _ = kernelNamed("exp") }, "h has the kernel exp, which doesn't compute it"},
		{"a kernel of other dtypes", "bind", func(p *Plan) { p.named("h").Type.DType = ir.I64 }, "h"},
		{"a kernel that the device lacks", "bind", func(p *Plan) { p.Targets[1].Lacks = []string{"f32"} }, "which has no f32"},
		{"a home that is no state's", "storage", func(p *Plan) { p.Value(p.named("h")).Storage = Home }, "h is home"},
		{"a state without a home", "storage", func(p *Plan) { p.Value(p.state("v").Read).Storage = Kept }, "v is kept"},
		{"a value that is kept and changes", "storage", func(p *Plan) { p.Value(p.named("last")).Storage = Kept }, "last is kept, but changes at every step"},
		{"a value that changes never and isn't kept", "storage", func(p *Plan) { p.Value(p.named("frozen")).Storage = Transient }, "frozen is transient, but steps don't change it"},
		{"a copy of a state that isn't kept", "storage", func(p *Plan) { p.Value(copyOf(p, p.state("w").Read)).Storage = Transient }, "is transient, but steps don't change it"},
		{"a write over no home", "storage", func(p *Plan) { p.Value(p.named("last")).Storage = InPlace }, "last is written over a home, but 0 states become it"},
		{"a write over a home that is read", "storage", func(p *Plan) { p.Value(p.state("turned").Next).Storage = InPlace }, "is written over turned, which its kernel or its users don't allow"},
		{"a reader after the writer", "schedule", func(p *Plan) {
			writer, reader := p.state("v").Next, p.named("last")
			require.Equal(t, InPlace, p.Value(writer).Storage)
			move(p, reader, len(p.Graph.Nodes)-1)
		}, "last"},
		{"a write too early", "schedule", func(p *Plan) {
			move(p, p.state("v").Next, p.state("v").Read.ID+1)
		}, "writes no state but comes after one that does"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorContains(t, sabotage(t, c.pass, c.wrong), c.want)
		})
	}
}

// A chain of transient values, a state that one of them becomes, and two that are
// kept. Memory is shared wherever it may be.
func TestTheVerifierSimulatesMemory(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong func(p *Plan)
		want  string
	}{
		{"a value outside of the arena", func(p *Plan) { p.Value(p.named("x")).Offset = p.Spaces[0].Arena }, "node x has bytes"},
		{"a value across cache lines", func(p *Plan) { p.Value(p.named("x")).Offset++ }, "node x has bytes"},
		{"a state outside of the kept memory", func(p *Plan) { p.Value(p.state("w").Read).Offset = p.Spaces[0].Kept }, "node w has bytes"},
		{"two states in one place", func(p *Plan) { p.Value(p.state("w").Read).Offset = p.Value(p.state("v").Read).Offset }, "are kept in the same memory"},
		{"a value over one that is still to be read", func(p *Plan) { p.Value(p.named("y")).Offset = p.Value(p.named("x")).Offset }, "node sum reads x after its memory was given to another value"},
		{"a value over an operand that its kernel jumps about in", func(p *Plan) { p.Value(p.named("z")).Offset = p.Value(p.named("y")).Offset }, "node z is written over its operand y"},
		{"a value over what a state becomes", func(p *Plan) { p.Value(p.named("after")).Offset = p.Value(p.state("w").Next).Offset }, "state w becomes next, whose memory was given to another value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newProgram()
			w, v := b.param("w", 4), b.param("v", 4)
			x := b.output("x", b.op("uniform", 0.0, 1.0, []any{4}, "f32", b.step.Read, 1))
			y := b.output("y", b.op("add", x, v.Read))
			z := b.output("z", b.op("flip", y, 0))
			w.Next = b.output("next", b.op("flip", b.output("sum", b.op("add", z, x)), 0))
			v.Next = b.op("flip", b.output("after", b.op("mul", w.Next, w.Read)), 0)
			b.sabotage(t, options(t, 0), "memory", func(p *Plan) {
				c.wrong(p)
				require.ErrorContains(t, verifyMemory(p), c.want)
			})
		})
	}
}

func TestEveryPassComesAfterThoseThatItNeeds(t *testing.T) {
	for i, pass := range Passes {
		for name, why := range pass.After {
			require.NotEmpty(t, why)
			at := passNumber(name)
			require.True(t, 0 <= at && at < i, "%s has to come after %s: %s", pass.Name, name, why)
		}
	}
}

// copyOf finds the copy of a value.
func copyOf(p *Plan, value *ir.Node) *ir.Node {
	for _, n := range p.Graph.Nodes {
		if n.Op == ir.CopyOp && n.Inputs[0] == value {
			return n
		}
	}
	return nil
}

// insertAfter puts a node behind another, in the order of nodes.
func insertAfter(p *Plan, at, n *ir.Node) {
	var nodes []*ir.Node
	for _, node := range p.Graph.Nodes {
		nodes = append(nodes, node)
		if node == at {
			nodes = append(nodes, n)
		}
	}
	p.Graph.Nodes = nodes
	number(p.Graph)
}

// move puts a scheduled node, and what was decided about it, into another place.
func move(p *Plan, n *ir.Node, to int) {
	type entry struct {
		node  *ir.Node
		value Value
	}
	var entries []entry
	for i, node := range p.Graph.Nodes {
		if node != n {
			entries = append(entries, entry{node, p.Values[i]})
		}
	}
	moved := entry{n, p.Values[n.ID]}
	entries = append(entries[:to], append([]entry{moved}, entries[to:]...)...)
	for i, e := range entries {
		p.Graph.Nodes[i], p.Values[i] = e.node, e.value
	}
	number(p.Graph)
}

func TestAnOpWithoutAKernelIsAnErrorThatNamesIt(t *testing.T) {
	b := newProgram()
	b.output("y", b.op("tanh", b.param("w", 4).Read))
	o := options(t, 0)
	o.Manifest = &kernels.Manifest{}
	_, err := Lower(b.Graph, o)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "no-kernel", e.Rule)
	require.ErrorContains(t, err, "(i64, i64) -> i64", "the counter's addition is the first")
}

func TestAnObserversErrorEndsLowering(t *testing.T) {
	stop := errors.New("seen enough")
	o := options(t, 0)
	o.Observe = func(pass string, p *Plan) error {
		if pass == "place" {
			return stop
		}
		require.NotEqual(t, "copies", pass)
		return nil
	}
	_, err := Lower(newProgram().Graph, o)
	require.ErrorIs(t, err, stop)
}

// TestThePageOfLoweringHasTheTableOfPasses compares docs/lowering.md with the table.
func TestThePageOfLoweringHasTheTableOfPasses(t *testing.T) {
	var table strings.Builder
	table.WriteString("| pass | what it does | comes after |\n|---|---|---|\n")
	for _, pass := range Passes {
		var after []string
		for _, earlier := range Passes {
			if why := pass.After[earlier.Name]; why != "" {
				after = append(after, fmt.Sprintf("`%s`: %s", earlier.Name, why))
			}
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", pass.Name, pass.Doc, strings.Join(after, "; "))
	}
	const file = "../docs/lowering.md"
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	head, rest, _ := strings.Cut(string(page), "-update -->\n")
	_, tail, found := strings.Cut(rest, "\n<!-- /passes -->")
	require.True(t, found)
	goldentest.Equal(t, file, head+"-update -->\n"+table.String()+"\n<!-- /passes -->"+tail)
}
