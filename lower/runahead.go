package lower

import "github.com/flowrun/flowrun/ir"

// runAhead makes a step do nothing once the stop condition has held, where a whole
// step runs on one device that works apart from the host. Every state becomes
// what it was, the stop condition's own first of all, so it stays. The host may
// then queue steps ahead and look whether the run has ended when it likes: at
// whatever step it looks, the states are those of the step at which it ended.
//
// Where a step takes part in several spaces, or reads data on the host, the host
// waits for each step anyway, and nothing changes.
func runAhead(p *Plan) error {
	stop := p.stopState()
	if stop == nil || !p.Targets[stop.Home].Async || !p.onOneDevice(stop.Home) {
		return nil
	}
	b := ir.NewBuilder(p.Graph)
	where := ir.LookupOp("where")
	for _, s := range p.Graph.States {
		if s.Next == nil || s.Next == s.Read {
			continue
		}
		b.Site = s.Next.Site
		held := b.Apply(where, stop.Read, s.Read, s.Next)
		if err := b.Err(); err != nil {
			return err
		}
		held.Space = s.Home
		p.placement.Reasons[held] = "keeps its value once the run has ended"
		s.Next = held
	}
	p.RunsAhead = true
	return p.Graph.Sort()
}

// stopState is the state that says whether the run has ended; nil if there is
// none.
func (p *Plan) stopState() *ir.State {
	for _, s := range p.Graph.States {
		if s.Kind == ir.StopState && s.Next != nil {
			return s
		}
	}
	return nil
}

// onOneDevice reports whether all that a step runs and writes is in one space.
// What never changes is carried there once, wherever it comes from.
func (p *Plan) onOneDevice(space int) bool {
	nodes := p.Graph.Nodes
	needed := make([]bool, len(nodes))
	for _, s := range p.Graph.States {
		if s.Next == nil {
			continue
		}
		if s.Home != space {
			return false
		}
		needed[s.Next.ID] = true
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if !needed[i] || n.Op == ir.ConstOp || n.State != nil && n.State.Next == nil {
			continue
		}
		if n.Space != space {
			return false
		}
		for _, in := range n.Inputs {
			needed[in.ID] = true
		}
	}
	return true
}
