package explain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/lower"
	"github.com/flowrun/flowrun/lower/explain"
)

// occupied is the number of bytes of a space's arena that are some value's while a node
// runs: an operand's, its own, or one's that comes before and is used after it.
func occupied(p *lower.Plan, space, at int) (bytes int) {
	used := map[int64]bool{}
	last := map[int]int{}
	for i, n := range p.Graph.Nodes {
		last[n.ID] = max(last[n.ID], i)
		for _, in := range n.Inputs {
			last[in.ID] = i
		}
	}
	for _, s := range p.Graph.States {
		if s.Next != nil {
			last[s.Next.ID] = len(p.Graph.Nodes)
		}
	}
	for i, n := range p.Graph.Nodes {
		v := p.Value(n)
		if n.Space != space || v.Storage != lower.Transient || v.Alias || i > at || last[n.ID] < at {
			continue
		}
		for b := range v.Bytes {
			used[v.Offset+b] = true
		}
	}
	return len(used)
}

func TestThePeakIsTheMostThatIsOccupiedAtOneTime(t *testing.T) {
	p := network(16, 8).plan(t, onSim("", false))
	for space, d := range explain.MemoryOf(p).Devices {
		most := 0
		for i := range p.Graph.Nodes {
			most = max(most, occupied(p, space, i))
		}
		require.EqualValues(t, most, d.Peak.Bytes, d.Device)
		require.EqualValues(t, occupied(p, space, d.Peak.Node), d.Peak.Bytes)
		require.LessOrEqual(t, d.Peak.Bytes, d.Arena)
		kinds, held := int64(0), int64(0)
		for _, s := range d.Peak.ByKind {
			kinds += s.Bytes
		}
		for _, s := range d.Held {
			held += s.Bytes
		}
		require.Equal(t, d.Peak.Bytes, kinds)
		require.LessOrEqual(t, held+d.Arena, d.Total, "the rest is alignment")
		for _, m := range d.Over {
			require.LessOrEqual(t, m.Bytes, d.Peak.Bytes)
		}
	}
}

func TestMemoryMatchesItsGoldenFile(t *testing.T) {
	golden(t, "memory", explain.MemoryOf(network(256, 512).plan(t, onSim("", false))).WriteText)
}
