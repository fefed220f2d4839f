package lower

import "github.com/flowrun/flowrun/ir"

// alias lets copies between the host and a device that shares its memory be that
// memory: the value of such a copy is its operand's, seen from its own space, and
// nothing is moved. What else a copy gave, a value that stays while its original
// is written, has to be given by the order of things instead:
//
//   - Who reads the copy reads the original. So the writer of a state comes after
//     the readers of the state's aliases too (the pass schedule), and an original's
//     place isn't used again before them (the pass memory).
//   - The device is late. What the host writes, a device may still have to read:
//     the engine waits for the device before the host writes what has an alias
//     there. That is for originals that are written seldom, or once in a step when
//     all is done: states and kept values. Transient values of the host are
//     copied, or the host would have to wait with the next batch of data until the
//     device is done with this one.
//   - What a device writes, the host may read when the device has done it: running
//     an alias on the host is waiting for the device, as it is for a copy. All that
//     the device writes later comes later in the plan's order.
//
// What a state becomes on its way home is always copied, since there the original
// ends and the copy stays.
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

// sharing is the device whose memory the host has too; 0 if there is none. Of
// several it is the first: the host's memory can be that of one only.
func (p *Plan) sharing() int {
	for i, t := range p.Targets {
		if t.Unified {
			return i
		}
	}
	return 0
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

// readers lists the users of a node and of its aliases, some of them twice.
func readers(n *ir.Node, users [][]*ir.Node, aliases map[*ir.Node][]*ir.Node) []*ir.Node {
	all := users[n.ID]
	for _, a := range aliases[n] {
		all = append(all[:len(all):len(all)], users[a.ID]...)
	}
	return all
}
