package lower

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// sharing makes sim:0 a device that shares the host's memory.
func sharing(o Options) Options {
	o.Targets = slices.Clone(o.Targets)
	o.Targets[1].Unified, o.Targets[1].Alignment = true, 256
	return o
}

func TestOnSharedMemoryACopyIsAnAlias(t *testing.T) {
	b := newProgram()
	frozen, trained := b.param("frozen", 4), b.param("trained", 4)
	frozen.Device, trained.Device = "cpu", "cpu"
	data := b.on("cpu", "uniform", 0.0, 1.0, []any{4}, "f32", b.step.Read, 1)
	far := b.on("sim:0", "add", b.on("sim:0", "mul", frozen.Read, data), trained.Read)
	trained.Next = b.on("cpu", "tanh", far)
	there := b.param("there", 4)
	there.Device = "sim:0"
	there.Next = b.on("sim:0", "neg", there.Read)
	b.output("seen", b.on("cpu", "tanh", there.Read))
	b.output("another's", b.on("sim:1", "tanh", there.Read))
	p := b.plan(t, sharing(options(t, 0)))

	require.Equal(t, 1, p.Shared)
	aliases := map[string]bool{}
	for _, n := range p.Graph.Nodes {
		if n.Op == ir.CopyOp {
			of := n.Inputs[0].Op.Name
			if s := n.Inputs[0].State; s != nil {
				of = s.Name
			}
			aliases[of+" in "+p.Targets[n.Space].Name] = p.Value(n).Alias
		}
	}
	require.Equal(t, map[string]bool{
		"frozen in sim:0":  true,
		"trained in sim:0": true,
		"uniform in sim:0": false, // the host would have to wait for the device before the next batch
		"add in cpu":       true,
		"there in cpu":     true,
		"there in sim:1":   false,
	}, aliases)
	for i, n := range p.Graph.Nodes {
		if n.Space == 0 && n.State != nil {
			require.Zero(t, p.Values[i].Offset%256, "the host's values lie as the device wants them")
		}
	}
}

// What a state becomes is copied home: there the copy is what stays.
func TestAnUpdateIsNoAliasOfItself(t *testing.T) {
	b := newProgram()
	w := b.param("w", 4)
	w.Device = "cpu"
	w.Next = b.on("sim:0", "tanh", w.Read)
	p := b.plan(t, sharing(options(t, 0)))
	next := p.state("w").Next
	require.Equal(t, ir.CopyOp, next.Op)
	require.False(t, p.Value(next).Alias)
	require.Equal(t, InPlace, p.Value(next).Storage)
	require.True(t, p.Value(next.Inputs[0].Inputs[0]).Alias, "but what it is computed from is the home itself")
}

// A reader of an alias reads the original, so it comes before what is written over
// that: a home, or a place in the arena.
func TestReadersOfAnAliasComeBeforeTheWriterOfItsOriginal(t *testing.T) {
	states, places := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t).plan(t, sharing(drawOptions(t)))
		writer := map[*ir.Node]int{} // of homes
		for _, s := range p.Graph.States {
			if s.Next != nil && p.Value(s.Next).Storage == InPlace {
				writer[s.Read] = s.Next.ID
			}
		}
		for _, n := range p.Graph.Nodes {
			for _, in := range n.Inputs {
				if !p.Value(in).Alias {
					continue
				}
				of := in.Inputs[0]
				if w, ok := writer[of]; ok {
					require.Less(t, n.ID, w, "%s reads %s through an alias", n.Label(), of.Label())
					states++
				}
				if p.Value(of).Storage == Transient {
					places++ // TestNoTwoLiveValuesOverlap has the rest
				}
			}
		}
	})
	require.Positive(t, states)
	require.Positive(t, places)
}

func TestWithoutSharedMemoryThereIsNoAlias(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOptions(t)
		o.Targets = three
		p := drawProgram(t).plan(t, o)
		require.Zero(t, p.Shared)
		require.Empty(t, p.aliases())
	})
}
