package lower

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// inSpace is a value in a space other than its own.
type inSpace struct {
	value *ir.Node
	space int
}

// copies inserts a copy on every edge between two spaces, and where a state's next
// value is another state: a commit writes a computed value, it never reads a home
// that another commit writes. A state whose next value is itself isn't written.
func copies(p *Plan) error {
	b := ir.NewBuilder(p.Graph)
	made := map[inSpace]*ir.Node{}
	carry := func(value *ir.Node, space int) (*ir.Node, error) {
		key := inSpace{value, space}
		if c := made[key]; c != nil {
			return c, nil
		}
		b.Site = value.Site
		c, err := b.Call(ir.CopyOp, []any{value})
		if err != nil {
			return nil, err
		}
		c.Space = space
		p.placement.Reasons[c] = "copied for its users"
		if value.Space == space {
			p.placement.Reasons[c] = "the value before the step"
		}
		made[key] = c
		return c, nil
	}
	nodes := p.Graph.Nodes
	for _, n := range nodes {
		for i, in := range n.Inputs {
			if in.Space == n.Space {
				continue
			}
			c, err := carry(in, n.Space)
			if err != nil {
				return err
			}
			n.Inputs[i] = c
		}
	}
	for _, s := range p.Graph.States {
		if s.Next == s.Read {
			s.Next = nil
		}
		if s.Next == nil || s.Next.State == nil && s.Next.Space == s.Home {
			continue
		}
		c, err := carry(s.Next, s.Home)
		if err != nil {
			return err
		}
		s.Next = c
	}
	return p.Graph.Sort()
}

// alias turns copies between the host and a device that shares its memory into
// aliases: such a copy's value is its operand's memory, seen from the copy's space,
// and no bytes move. Order has to ensure that nobody overwrites it too early:
//
//   - The writer of a state comes after the readers of its aliases, too (the pass
//     schedule), and the original's memory isn't reused before them (the pass memory).
//   - The device is late. So the engine waits for it before the host writes memory
//     that has an alias there. That is cheap for states and kept values, which are
//     written rarely, or at the end of a step. Transient values of the host are copied,
//     or it couldn't prepare the next batch while the device works on this one.
//   - Running an alias on the host waits for the device, as a copy does. Whatever the
//     device writes later comes later in the plan's order.
//
// A state's next value on its way home is always copied, since the home outlives
// the original.
func alias(p *Plan) error {
	device := p.sharing()
	if device == 0 {
		return nil
	}
	becomes := map[*ir.Node]bool{}
	for _, s := range p.Graph.States {
		becomes[s.Next] = true
	}
	for _, n := range p.Graph.Nodes {
		if n.Op != ir.CopyOp || becomes[n] {
			continue
		}
		of := n.Inputs[0]
		storage := p.Value(of).Storage
		switch {
		case of.Space == 0 && n.Space == device && (storage == Home || storage == Kept):
			p.Value(n).Alias = true
			p.Shared = device
		case of.Space == device && n.Space == 0:
			p.Value(n).Alias = true
		}
	}
	return nil
}

// sharing is the first device whose memory is the host's too; 0 if there is none.
// The host's memory can only be allocated by one device.
func (p *Plan) sharing() int {
	return max(0, slices.IndexFunc(p.Targets, func(t Target) bool { return t.Unified }))
}

// aliases lists the aliases of each node, by ID.
func (p *Plan) aliases() map[*ir.Node][]*ir.Node {
	all := map[*ir.Node][]*ir.Node{}
	for _, n := range p.Graph.Nodes {
		if p.Value(n).Alias {
			all[n.Inputs[0]] = append(all[n.Inputs[0]], n)
		}
	}
	return all
}

// readers lists the users of a node and of its aliases, with repetitions.
func readers(n *ir.Node, users [][]*ir.Node, aliases map[*ir.Node][]*ir.Node) []*ir.Node {
	all := users[n.ID]
	for _, a := range aliases[n] {
		all = append(all[:len(all):len(all)], users[a.ID]...)
	}
	return all
}
