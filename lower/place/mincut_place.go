package place

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// placeFree puts free nodes where a step costs least. The cost is the number of
// bytes that cross between devices, counting each value once per device that needs
// it, plus what nodes lose by running away from the main device (extra).
//
// All free nodes start on the main device. Then, for each other device in the order
// of names, the set of nodes whose move to it gains most is moved: a minimum cut
// between what stays and what moves (an expansion move, after Boykov, Veksler and
// Zabih 2001). With two devices, one such cut is optimal. With more, rounds end when
// nothing moves, or after maxRounds. Nothing moves without a gain, so among equal
// placements the one closest to the main device wins.
func (l *layout) placeFree() {
	p := l.placement
	elsewhere := make([]bool, len(p.Targets)) // other devices that anything is on
	free := false
	for _, n := range p.graph.Nodes {
		if n.Op == ir.ConstOp {
			continue
		}
		if l.free[n.ID] {
			free = true
			l.where[n.ID] = p.Main
			if p.lacking(p.Main, n) != (Lack{}) {
				l.where[n.ID] = 0
			}
		}
		elsewhere[l.where[n.ID]] = true
	}
	var order []int
	for space, there := range elsewhere {
		if there && space != p.Main {
			order = append(order, space)
		}
	}
	if len(order) == 0 || !free {
		return
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p.Targets[a].Name, p.Targets[b].Name) })
	l.weigh()
	if len(order) == 1 {
		l.expand(order[0])
		return
	}
	order = append(order, p.Main)
	settled := 0 // consecutive devices that attracted nothing
	for i := 0; i < maxRounds*len(order) && settled < len(order); i++ {
		settled++
		if l.expand(order[i%len(order)]) {
			settled = 1 // it attracts nothing more until another device does
		}
	}
}

const maxRounds = 3

// expand moves the best set of nodes to a device: those on the sink's side of the cut.
func (l *layout) expand(to int) (moved bool) {
	e := l.expansion(to)
	moves := e.cut.sinkSide()
	if moves == nil {
		return false
	}
	for id, v := range e.vertex {
		if v > sink && moves[v] {
			l.where[id] = to
			moved = true
		}
	}
	return moved
}

// expansion is a cut under construction.
type expansion struct {
	*layout
	to     int
	vertex []int32 // by node ID
	cut    *cut
	group  []int32 // scratch
}

// expansion builds the cut between what stays and what moves to a device.
func (l *layout) expansion(to int) *expansion {
	p := l.placement
	e := &expansion{layout: l, to: to, vertex: make([]int32, len(p.graph.Nodes)), cut: newCut()}
	for _, n := range p.graph.Nodes {
		if n.Op == ir.ConstOp {
			continue
		}
		switch at := l.where[n.ID]; {
		case at == to:
			e.vertex[n.ID] = sink
		case !l.free[n.ID] || p.lacking(to, n) != (Lack{}):
			e.vertex[n.ID] = source
		default:
			v := e.cut.vertex()
			e.vertex[n.ID] = v
			e.cut.edge(source, v, l.units(l.extra(n, to)))
			if p.lacking(at, n) == (Lack{}) {
				e.cut.edge(v, sink, l.units(l.extra(n, at)))
			}
		}
	}
	for _, n := range p.graph.Nodes {
		if n.Op != ir.ConstOp {
			e.value(n)
		}
	}
	return e
}

// value adds the cost of the copies of a value. A copy to a space recurs if a user
// there does; otherwise it is made once.
func (e *expansion) value(n *ir.Node) {
	users := e.users[n.ID]
	bytes := float64(n.Type.Bytes())
	if len(users) == 0 || bytes == 0 {
		return
	}
	recur := 0
	for _, u := range users {
		if e.recurs(n.ID, int(u)) {
			recur++
		}
	}
	once := e.units(bytes / perByte)
	step := e.units(bytes)
	if recur > 0 {
		e.spaces(n, users, recur < len(users), step)
	}
	if once > 0 && (recur == 0 || recur < len(users)) {
		e.spaces(n, users, false, once)
	}
}

// spaces adds a cost for each space other than the value's own in which it has
// users; with some, only users that recur count.
func (e *expansion) spaces(n *ir.Node, users []int32, some bool, cost int64) {
	for space := range e.placement.Targets {
		group := e.group[:0]
		for _, u := range users {
			if (e.where[u] == space || space == e.to) && (!some || e.recurs(n.ID, int(u))) {
				group = append(group, e.vertex[u])
			}
		}
		e.group = group
		if len(group) == 0 {
			continue
		}
		switch at := e.where[n.ID]; space {
		case e.to:
			if at != e.to { // a copy to the space if the value stays and a user moves
				e.apart(source, e.vertex[n.ID], group, cost+e.waits(at, space, cost))
			}
		case at:
			// a copy back if the value moves and a user stays
			e.apart(sink, e.vertex[n.ID], group, cost+e.waits(e.to, space, cost))
		default: // a copy to a third space if any user stays there
			e.apart(sink, sink, group, cost+e.waits(at, space, cost))
		}
	}
}

// waits is the additional unit of a copy that the host waits for.
func (e *expansion) waits(from, to int, cost int64) int64 {
	if to == 0 && from != 0 && cost > 0 {
		return 1
	}
	return 0
}

// apart costs if the value is on the near side of the cut and any user on the other.
func (e *expansion) apart(near, value int32, users []int32, cost int64) {
	far, edge := sink, e.cut.edge
	if near == sink {
		far, edge = source, func(from, to int32, capacity int64) { e.cut.edge(to, from, capacity) }
	}
	if value == far {
		return
	}
	users = slices.DeleteFunc(users, func(u int32) bool { return u == near })
	switch {
	case slices.Contains(users, far):
		edge(value, far, cost)
	case len(users) == 1:
		edge(value, users[0], cost)
	case len(users) > 1:
		any := e.cut.vertex()
		edge(value, any, cost)
		for _, u := range users {
			edge(any, u, unlimited)
		}
	}
}
