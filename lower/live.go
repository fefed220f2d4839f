package lower

// Lifetime is the part of a plan's order, from one position to another, both included, in
// which memory belongs to a value.
type Lifetime struct{ From, To int }

// Lifetimes gives those of all nodes' values, by ID: of a transient value from its node to
// its last use, or to the node before the one that takes its memory over; of others, and
// where values don't share memory, the whole of the order.
func (p *Plan) Lifetimes() []Lifetime {
	end := len(p.Graph.Nodes) - 1
	last, shared := lastUses(p), p.shared()
	all := make([]Lifetime, len(p.Graph.Nodes))
	for _, n := range p.Graph.Nodes {
		all[n.ID] = Lifetime{0, end}
		if p.Value(n).Storage != Transient || !shared[n.Space] {
			continue
		}
		all[n.ID] = Lifetime{n.ID, last[n.ID]}
		if last[n.ID] == forever {
			all[n.ID].To = end
		}
		if from := p.takesOver(n, last); from != nil {
			all[from.ID].To = n.ID - 1
		}
	}
	return all
}
