package lower

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

func TestAValueIsCopiedOnceToASpaceForAllItsReaders(t *testing.T) {
	b := newProgram()
	w := b.param("w", 4)
	w.Device = "cpu"
	b.output("a", b.on("sim:0", "tanh", w.Read))
	b.output("b", b.on("sim:0", "neg", w.Read))
	b.output("c", b.on("sim:1", "neg", w.Read))
	p := b.plan(t, options(t, 0))
	require.Equal(t, 2, p.count("copy"))
	require.Same(t, p.named("a").Inputs[0], p.named("b").Inputs[0])
	require.NotSame(t, p.named("a").Inputs[0], p.named("c").Inputs[0])
}

func TestWithinASpaceNothingIsCopied(t *testing.T) {
	b := newProgram()
	w := b.param("w", 4)
	w.Next = b.op("sub", w.Read, b.op("tanh", w.Read))
	for space := range three {
		require.Zero(t, b.plan(t, options(t, space)).count("copy"))
	}
}

func TestAnUpdateOnADeviceIsCopiedToItsHome(t *testing.T) {
	b := newProgram()
	w := b.param("w", 4)
	w.Device = "cpu"
	w.Next = b.on("sim:0", "tanh", w.Read)
	p := b.plan(t, options(t, 0))
	s := p.state("w")
	require.Equal(t, ir.CopyOp, s.Next.Op)
	require.Equal(t, "tanh", s.Next.Inputs[0].Op.Name)
	require.Equal(t, ir.CopyOp, s.Next.Inputs[0].Inputs[0].Op)
	require.Equal(t, InPlace, p.Value(s.Next).Storage, "the copy writes the home")
}

func TestAStateBecomesAnotherThroughACopyOfIt(t *testing.T) {
	b := newProgram()
	x, y, z := b.param("x", 4), b.param("y", 4), b.param("z", 4)
	x.Next, y.Next = z.Read, z.Read
	z.Next = b.op("tanh", z.Read)
	p := b.plan(t, options(t, 0))
	require.Equal(t, 1, p.count("copy"))
	require.Same(t, p.state("x").Next, p.state("y").Next)
	require.Same(t, p.state("z").Read, p.state("x").Next.Inputs[0])
	require.Equal(t, "the value before the step", p.Value(p.state("x").Next).Reason)
	require.Zero(t, p.copied(), "it crosses no border")
}

func TestAStateThatBecomesItselfIsNotWritten(t *testing.T) {
	b := newProgram()
	x := b.param("x", 4)
	x.Next = x.Read
	p := b.plan(t, options(t, 0))
	require.Nil(t, p.state("x").Next)
	require.Same(t, x.Read, x.Next, "of the program itself nothing changes")
}

func TestEveryEdgeJoinsOneSpaceOrIsACopysOperand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t).plan(t, drawOptions(t))
		type place struct {
			value *ir.Node
			space int
		}
		copies := map[place]bool{}
		for _, n := range p.Graph.Nodes {
			for _, in := range n.Inputs {
				if n.Op != ir.CopyOp {
					require.Equal(t, in.Space, n.Space)
					continue
				}
				require.NotEqual(t, ir.CopyOp, in.Op, "a copy of a copy")
				require.False(t, copies[place{in, n.Space}], "a second copy")
				copies[place{in, n.Space}] = true
			}
		}
		used := map[*ir.Node]bool{}
		for _, n := range p.Graph.Nodes {
			for _, in := range n.Inputs {
				used[in] = true
			}
		}
		for _, root := range p.Graph.Roots() {
			used[root] = true
		}
		for _, n := range p.Graph.Nodes {
			require.True(t, used[n] || n.State != nil, "%s is of no use", n.Label())
		}
	})
}
