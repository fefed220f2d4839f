package lower

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// runAhead makes steps do nothing once the stop condition holds, if a whole step
// runs on one asynchronous device: every state then keeps its value, the stop
// condition included. So the host may queue steps ahead and check at any time
// whether the run has ended: whenever it looks, the states are those of the step
// at which it did.
//
// If a step involves several spaces, or reads data on the host, the host waits
// for each step anyway, and the pass does nothing.
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

// stopState is the state that says whether the run has ended, or nil.
func (p *Plan) stopState() *ir.State {
	for _, s := range p.Graph.States {
		if s.Kind == ir.StopState && s.Next != nil {
			return s
		}
	}
	return nil
}

// onOneDevice reports whether all that a step runs and writes is in one space.
// Values that never change are copied there once, wherever they come from.
func (p *Plan) onOneDevice(space int) bool {
	for _, s := range p.Graph.States {
		if s.Next != nil && s.Home != space {
			return false
		}
	}
	for i, needed := range place.Needed(p.Graph, place.Updates(p.Graph)) {
		n := p.Graph.Nodes[i]
		frozen := n.Op == ir.ConstOp || n.State != nil && n.State.Next == nil
		if needed && !frozen && n.Space != space {
			return false
		}
	}
	return true
}
