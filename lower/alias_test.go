package lower

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/internal/drawtest"
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
	kept := b.on("cpu", "flip", b.on("cpu", "tanh", frozen.Read), 0)
	far := b.on("sim:0", "add", b.on("sim:0", "mul", b.on("sim:0", "mul", frozen.Read, kept), data), trained.Read)
	trained.Next = b.on("cpu", "tanh", far)
	there := b.param("there", 4)
	there.Device = "sim:0"
	there.Next = b.on("sim:0", "neg", there.Read)
	b.output("seen next", b.on("cpu", "tanh", there.Next))
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
		"flip in sim:0":    true,
		"uniform in sim:0": false, // the host would have to wait for the device before the next batch
		"add in cpu":       true,
		"there in cpu":     true,
		"neg in cpu":       true, // there as it is written over
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
	shown := func() bool { return states > 0 && places > 0 }
	drawtest.Until(t, shown, "no alias of a home with a writer, or of a place in an arena, is read", func(t *rapid.T) {
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

func TestTheVerifierKnowsAliases(t *testing.T) {
	for _, c := range []struct {
		name, pass string
		wrong      func(p *Plan)
		want       string
	}{
		{"no copy", "alias", func(p *Plan) { p.Value(p.named("far")).Alias = true }, "far is an alias, but no copy"},
		{"of what the host writes often", "alias", func(p *Plan) { p.Value(copyOf(p, p.named("often"))).Alias = true }, "often, transient on the host, is an alias in space 1"},
		{"in a space that shares nothing", "alias", func(p *Plan) { p.Shared = 2 }, "w, home on the host, is an alias in space 1"},
		{"of a device that shares nothing", "alias", func(p *Plan) { p.Targets[1].Unified = false }, "is an alias in space 0 of memory in space 1"},
		{"of a device, on another", "alias", func(p *Plan) { p.Value(copyOf(p, p.state("other").Read)).Alias = true }, "is an alias in space 2 of memory in space 1"},
		{"on its way home", "alias", func(p *Plan) { p.Value(p.state("w").Next).Alias = true }, "state w becomes an alias"},
		{"elsewhere", "memory", func(p *Plan) { p.Value(copyOf(p, p.state("w").Read)).Offset += Alignment }, "is an alias, but lies elsewhere than w"},
		{"read too late", "schedule", func(p *Plan) { move(p, p.named("late"), len(p.Graph.Nodes)-1) }, "late reads state w after it is overwritten"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newProgram()
			w, v, other := b.param("w", 4), b.param("v", 4), b.param("other", 4)
			w.Device, v.Device, other.Device = "cpu", "sim:0", "sim:0"
			v.Next = b.on("sim:0", "tanh", v.Read)
			b.output("late", b.on("sim:0", "add", w.Read, v.Next))
			far := b.output("far", b.on("sim:0", "neg", w.Read))
			w.Next = b.on("sim:0", "flip", far, 0)
			b.output("seen", b.on("cpu", "tanh", far))
			b.output("back", b.on("sim:0", "exp", b.output("often", b.on("cpu", "tanh", v.Read))))
			b.output("third", b.on("sim:1", "tanh", other.Read))
			require.ErrorContains(t, b.sabotage(t, sharing(options(t, 1)), c.pass, c.wrong), c.want)
		})
	}
}
