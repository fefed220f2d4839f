package lower

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// storageOf lowers onto the host and tells the storage of a named value.
func storageOf(t *testing.T, b *program, name string) Storage {
	t.Helper()
	p := b.plan(t, options(t, 0))
	return p.Value(p.named(name)).Storage
}

func TestValuesThatChangeAtEachStepAreTransient(t *testing.T) {
	b := newProgram()
	frozen := b.param("frozen", 4)
	b.output("kept", b.op("tanh", frozen.Read))
	b.output("random", b.op("uniform", 0.0, 1.0, []any{4}, "f32", b.step.Read, 1))
	b.output("mixed", b.op("mul", b.Graph.Outputs[0].Node, b.Graph.Outputs[1].Node))
	require.Equal(t, Kept, storageOf(t, b, "kept"))
	require.Equal(t, Transient, storageOf(t, b, "random"))
	require.Equal(t, Transient, storageOf(t, b, "mixed"))
}

func TestCopiesOfStatesAreKeptAndOfOtherValuesTransient(t *testing.T) {
	b := newProgram()
	w := b.param("w", 4)
	w.Next = b.op("add", w.Read, 1.0)
	h := b.op("tanh", w.Read)
	b.output("a", b.on("sim:0", "neg", w.Read))
	b.output("b", b.on("sim:0", "neg", h))
	p := b.plan(t, options(t, 0))
	require.Equal(t, Kept, p.Value(p.named("a").Inputs[0]).Storage)
	require.Equal(t, Transient, p.Value(p.named("b").Inputs[0]).Storage)
}

func TestUpdatesAreInPlaceWherePossible(t *testing.T) {
	for _, c := range []struct {
		name string
		next func(b *program, w *ir.State) *ir.Node
		want Storage
	}{
		{"element by element", func(b *program, w *ir.State) *ir.Node { return b.op("tanh", w.Read) }, InPlace},
		{"not reading it", func(b *program, w *ir.State) *ir.Node {
			return b.op("uniform", 0.0, 1.0, []any{4, 4}, "f32", b.step.Read, 1)
		}, InPlace},
		{"reading all of it for each element", func(b *program, w *ir.State) *ir.Node { return b.op("matmul", w.Read, w.Read) }, Transient},
		{"moving its elements", func(b *program, w *ir.State) *ir.Node { return b.op("flip", w.Read, 0) }, Transient},
		{"never changing", func(b *program, w *ir.State) *ir.Node { return b.op("tanh", b.param("v", 4, 4).Read) }, Kept},
		{"becoming two states", func(b *program, w *ir.State) *ir.Node {
			n := b.op("tanh", w.Read)
			b.param("v", 4, 4).Next = n
			return n
		}, Transient},
		{"not reading it, but read by others", func(b *program, w *ir.State) *ir.Node {
			n := b.op("uniform", 0.0, 1.0, []any{4, 4}, "f32", b.step.Read, 1)
			b.param("v", 4, 4).Next = b.op("mul", n, n)
			return n
		}, Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newProgram()
			w := b.param("w", 4, 4)
			w.Next = c.next(b, w)
			p := b.plan(t, options(t, 0))
			require.Equal(t, c.want, p.Value(p.state("w").Next).Storage)
		})
	}
}

func TestReadersComeBeforeTheWriterAndWritersLast(t *testing.T) {
	b := newProgram()
	w := b.param("w", 4)
	w.Next = b.op("tanh", w.Read) // ready at once
	n := w.Read
	for range 10 {
		n = b.op("sigmoid", n)
	}
	m := b.param("m", 4)
	m.Next = b.op("mul", n, w.Read)
	p := b.plan(t, options(t, 0))
	writer := p.state("w").Next
	require.Equal(t, InPlace, p.Value(writer).Storage)
	for _, node := range p.Graph.Nodes[writer.ID:] {
		require.Equal(t, InPlace, p.Value(node).Storage)
	}
}

func TestOneOfTwoCrossedWritersWritesBesideItsHome(t *testing.T) {
	// Rings of updates, each of which reads the next one's state.
	for _, length := range []int{2, 3, 10} {
		b := newProgram()
		var states []*ir.State
		for i := range length {
			states = append(states, b.param(fmt.Sprint("s", i), 4))
		}
		for i, s := range states {
			s.Next = b.op("tanh", states[(i+1)%length].Read)
		}
		p := b.plan(t, options(t, 0))
		inPlace := 0
		for _, s := range p.Graph.States {
			if p.Value(s.Next).Storage == InPlace {
				inPlace++
			}
		}
		require.Equal(t, length-1+1, inPlace, "all but one, and the counter")
	}
}

func TestTheScheduleIsTheSameEveryTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawProgram(t)
		o := options(t, 1)
		first := printed(b.plan(t, o))
		require.Equal(t, first, printed(b.plan(t, o)))
	})
}

func TestEveryNodeComesAfterItsOperandsAndLateNodesLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOptions(t)
		o.Shuffle = rapid.Int64Range(0, 3).Draw(t, "shuffle")
		p := drawProgram(t).plan(t, o)
		after := map[*ir.Node]bool{} // writes a home, or depends on what does
		wrote := false
		for i, n := range p.Graph.Nodes {
			require.Equal(t, i, n.ID)
			late := p.Values[i].Storage == InPlace
			for _, in := range n.Inputs {
				require.Less(t, in.ID, i)
				late = late || after[in]
			}
			after[n] = late
			wrote = wrote || late
			require.Equal(t, wrote, late, "%s could have come before the first write", n.Label())
		}
	})
}
