package lower

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/internal/drawtest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// life is when and where a value is in memory: from the node that computes it
// to the last node that reads it, both included.
type life struct {
	node       *ir.Node
	from, to   int
	space      int
	kept       bool // in the kept memory, else in the arena
	start, end int64
}

// lives lists all values' lives, as the doc of the package promises them. What a
// state becomes is read at the end of the step, by the commit; homes and kept
// values live for ever.
func lives(p *Plan) (all []life) {
	end := len(p.Graph.Nodes)
	for i, n := range p.Graph.Nodes {
		v := p.Values[i]
		if v.Storage == InPlace || v.Bytes == 0 || v.Alias {
			continue
		}
		l := life{node: n, from: i, to: i, space: n.Space, kept: v.Storage != Transient, start: v.Offset, end: v.Offset + v.Bytes}
		if l.kept {
			l.from, l.to = 0, end
		}
		for j, user := range p.Graph.Nodes {
			for _, in := range user.Inputs {
				if in == n || p.Value(in).Alias && in.Inputs[0] == n {
					l.to = max(l.to, j)
				}
			}
		}
		for _, s := range p.Graph.States {
			if s.Next == n {
				l.to = end
			}
		}
		all = append(all, l)
	}
	return all
}

// TestNoTwoLiveValuesOverlap compares every two values: those that lie over each
// other must not live at the same time, but that a value may take the place of
// an operand whose last use it is, if its kernel allows it.
func TestNoTwoLiveValuesOverlap(t *testing.T) {
	taken := 0
	drawtest.Until(t, func() bool { return taken > 0 }, "no value took another's place", func(t *rapid.T) {
		p := drawProgram(t).plan(t, drawOptions(t))
		all := lives(p)
		for i, a := range all {
			memory := p.Spaces[a.space].Arena
			if a.kept {
				memory = p.Spaces[a.space].Kept
			}
			require.True(t, 0 <= a.start && a.end <= memory, "%s lies outside", a.node.Label())
			require.Zero(t, a.start%Alignment)
			for _, b := range all[i+1:] {
				if a.space != b.space || a.kept != b.kept || a.end <= b.start || b.end <= a.start || a.to < b.from {
					continue
				}
				k := p.Value(b.node).Kernel
				over := a.to == b.from && a.start == b.start && a.node.Type.Equal(b.node.Type) && k != nil
				for j, in := range b.node.Inputs {
					if in == a.node {
						over = over && k.MayOverwrite(j)
					}
				}
				require.True(t, over, "%s and %s are in the same place at the same time", a.node.Label(), b.node.Label())
				taken++
			}
		}
	})
}

func TestHomesAreOverwrittenOnlyAsTheirKernelsAllow(t *testing.T) {
	inPlace := 0
	drawtest.Until(t, func() bool { return inPlace > 0 }, "nothing is written over a home", func(t *rapid.T) {
		p := drawProgram(t).plan(t, drawOptions(t))
		for _, s := range p.Graph.States {
			if s.Next == nil || p.Value(s.Next).Storage != InPlace {
				continue
			}
			inPlace++
			require.Equal(t, s.Home, s.Next.Space)
			for _, other := range p.Graph.States {
				require.True(t, other == s || other.Next != s.Next, "two states become what is written over one")
			}
			for j, in := range s.Next.Inputs {
				if in == s.Read {
					require.True(t, p.Value(s.Next).Kernel.MayOverwrite(j))
				}
			}
			for _, n := range p.Graph.Nodes[s.Next.ID+1:] {
				require.NotContains(t, n.Inputs, s.Read, "%s reads %s too late", n.Label(), s.Name)
			}
		}
	})
}

func TestAChainOfElementwiseNodesUsesOneBuffer(t *testing.T) {
	b := newProgram()
	n := b.op("uniform", 0.0, 1.0, []any{1000}, "f32", b.step.Read, 1)
	for range 50 {
		n = b.op("tanh", n)
	}
	s := b.param("s", 1000)
	s.Next = b.op("flip", n, 0)
	p := b.plan(t, options(t, 0))
	require.Equal(t, InPlace, p.Value(p.state("s").Next).Storage)
	require.EqualValues(t, place.Align(4000, Alignment), p.Spaces[0].Arena)
}

// What shares memory has to wait for each other, which costs a device with a queue
// time; up to 4 MiB, memory costs less.
func TestSmallArenasOfDevicesWithAQueueAreNotShared(t *testing.T) {
	for size, shared := range map[int]bool{1000: false, 100_000: true} {
		b := newProgram()
		n := b.op("uniform", 0.0, 1.0, []any{size}, "f32", b.step.Read, 1)
		for range 20 {
			n = b.op("tanh", n)
		}
		s := b.param("s", size)
		s.Next = b.op("flip", n, 0)
		o := options(t, 1)
		o.Default, o.Targets[1].Async = 1, true
		p := b.plan(t, o)
		want := 21 * place.Align(int64(4*size), Alignment)
		if shared {
			want /= 21
		}
		require.Equal(t, want, p.Spaces[1].Arena)
	}
}

// What an inference needs is its parameters, its answers, and what is in use at one time,
// however deep the net is. Its answers have memory of their own.
func TestAnInferenceNeedsNoMoreMemoryForMoreLayers(t *testing.T) {
	const width = 32 * 32 * 4
	for _, depth := range []int{3, 30} {
		b := newProgram()
		b.step.Next = nil
		x := b.NewState("x", ir.InputState, ir.Type{DType: ir.F32, Shape: ir.Shape{32, 32}}).Read
		w := b.param("w", 32, 32).Read
		doubled := b.op("add", w, w) // changes with the weights alone
		var first *ir.Node
		for range depth {
			x = b.op("matmul", b.op("matmul", x, doubled), w)
			if first == nil {
				first = b.output("first", x)
			}
		}
		b.output("last", x)
		p := b.plan(t, options(t, 0))
		require.Equal(t, Kept, p.Value(p.named("first")).Storage)
		require.EqualValues(t, 2*width, p.Spaces[0].Arena, "two layers, whose memory all others use in turn")
		require.EqualValues(t, 64+3*width+2*width, p.Spaces[0].Kept, "the counter, x, w and its double, and two answers")
	}
}

func TestKeptValuesDoNotShare(t *testing.T) {
	b := newProgram()
	n := b.param("frozen", 16).Read
	for range 10 {
		n = b.op("tanh", n)
	}
	b.output("y", n)
	p := b.plan(t, options(t, 0))
	require.EqualValues(t, 64*(1+1+10+1), p.Spaces[0].Kept, "the counter, the constant that is added to it, frozen, and ten values of 64 bytes")
}

func TestFreedBlocksJoin(t *testing.T) {
	a := newArena()
	places := []int64{a.take(64), a.take(128), a.take(64), a.take(64)}
	require.Equal(t, []int64{0, 64, 192, 256}, places)
	a.release(0, 64)
	a.release(192, 64)
	require.EqualValues(t, 320, a.take(256), "no free block is as large")
	a.release(64, 128)
	require.EqualValues(t, 0, a.take(256), "now the three are one")
	a.release(320, 256)
	require.EqualValues(t, 320, a.take(512), "the block at the end grows")
	require.EqualValues(t, 832, a.size)
}

// Of blocks of about one size only the first is looked at. The last may fit all the
// same, and what is behind it stays.
func TestTheRestOfAFreeBlockAtTheEndIsNotLost(t *testing.T) {
	a := newArena()
	for range 2 {
		a.take(1152)
		a.take(64)
	}
	last := a.take(1280)
	a.release(0, 1152)
	a.release(last, 1280)
	require.Equal(t, last, a.take(1216), "the first is too small")
	require.EqualValues(t, last+1280, a.size)
	require.Equal(t, last+1216, a.take(64))
}

func TestTheArenaNeverOverlapsLiveBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newArena()
		type block struct{ start, size int64 }
		var taken []block
		most := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "actions") {
			if len(taken) > 0 && rapid.Bool().Draw(t, "release") {
				i := rapid.IntRange(0, len(taken)-1).Draw(t, "which")
				a.release(taken[i].start, taken[i].size)
				taken = append(taken[:i], taken[i+1:]...)
				continue
			}
			size := place.Align(int64(rapid.IntRange(1, 1000).Draw(t, "size")), Alignment)
			b := block{a.take(size), size}
			require.LessOrEqual(t, b.start+b.size, a.size)
			require.LessOrEqual(t, most, a.size, "an arena never shrinks")
			most = a.size
			for _, other := range taken {
				require.True(t, b.start+b.size <= other.start || other.start+other.size <= b.start)
			}
			taken = append(taken, b)
		}
	})
}
