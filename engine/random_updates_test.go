package engine_test

import (
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// updates draws updates that come after others in a step: a state that is written already
// gets another value, in some steps or in all, computed from what earlier updates have
// written and computing values again that depend on it.
func (g *generator) updates(trained []*ir.State) {
	if len(trained) == 0 {
		return
	}
	for range rapid.IntRange(0, 3).Draw(g.t, "later updates") {
		g.Device = g.device()
		s := rapid.SampledFrom(trained).Draw(g.t, "written again")
		seen := map[*ir.Node]*ir.Node{}
		for _, other := range trained {
			if rapid.Bool().Draw(g.t, "sees") {
				seen[other.Read] = other.Next
			}
		}
		v := g.op("tanh", g.op("add", g.again(g.value(rankOf(s.Type.Shape)), seen), s.Next))
		if every := rapid.IntRange(1, 3).Draw(g.t, "every"); every > 1 {
			due := g.op("eq", g.op("remainder", g.step.Read, every), 0)
			v = g.op("where", due, v, s.Next)
		}
		s.Next = v
	}
}

// again is a node computed from other values.
func (g *generator) again(n *ir.Node, seen map[*ir.Node]*ir.Node) *ir.Node {
	if seen[n] != nil {
		return seen[n]
	}
	inputs, same := make([]*ir.Node, len(n.Inputs)), true
	for i, in := range n.Inputs {
		inputs[i] = g.again(in, seen)
		same = same && inputs[i] == in
	}
	if seen[n] = n; !same {
		seen[n] = g.With(n, inputs)
	}
	return seen[n]
}
