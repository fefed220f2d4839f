package place

import (
	"math"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
)

// seconds estimates what a kernel takes.
func seconds(n *ir.Node, s device.Speed) float64 {
	if s.Flops <= 0 || s.Bytes <= 0 {
		return 0
	}
	return s.Launch.Seconds() + max(float64(Flops(n))/s.Flops, touched(n)/s.Bytes)
}

// Flops counts a node's floating-point operations: two per multiplication and
// addition of a contraction, one per element that is computed or summed.
func Flops(n *ir.Node) int64 {
	numel := int64(n.Type.Shape.Numel())
	switch n.Op.Class {
	case ir.Elementwise:
		return numel
	case ir.Reduce:
		return int64(n.Inputs[0].Type.Shape.Numel())
	case ir.Contract:
		if n.Type.Shape.Numel() == 0 {
			return 0
		}
		a := n.Inputs[0].Type.Shape
		k := a[len(a)-1]
		if len(a) > 1 && n.Bool("transpose_a") {
			k = a[len(a)-2]
		}
		return int64(ir.MulSize(ir.MulSize(2, int(numel)), k))
	}
	return 0
}

// touched estimates the bytes that a kernel reads and writes: of what it takes
// parts from, no more than it gives.
func touched(n *ir.Node) float64 {
	out := float64(n.Type.Bytes())
	total := out
	for _, in := range n.Inputs {
		b := float64(in.Type.Bytes())
		if n.Op.Class == ir.Move || n.Op.Class == ir.Other {
			b = min(b, out)
		}
		total += b
	}
	return total
}

// perSecond is the rate of a copy between two devices; 0 if it isn't known. What
// goes between two that aren't the host goes through the host.
func (p *Placement) perSecond(a, b int) float64 {
	x, y := p.Targets[a].Speed.Link, p.Targets[b].Speed.Link
	switch {
	case x <= 0 || a == 0:
		return y
	case y <= 0 || b == 0:
		return x
	}
	return x * y / (x + y)
}

// running tells the nodes that run again and again: at every step, or in a
// program without steps, at every evaluation, for whose inputs the outputs are
// computed anew.
func (p *Placement) running() []bool {
	g := p.graph
	var roots []*ir.Node
	steps, inputs := false, false
	for _, s := range g.States {
		steps = steps || isWritten(s)
		inputs = inputs || isInput(s)
	}
	if steps {
		return PerStep(g)
	}
	for _, o := range g.Outputs {
		roots = append(roots, o.Node)
	}
	if inputs {
		return changed(g, isInput, roots)
	}
	all := make([]bool, len(g.Nodes))
	for i := range all {
		all[i] = true
	}
	return all
}

// isWritten tells the states that steps write.
func isWritten(s *ir.State) bool { return s.Next != nil && s.Next != s.Read }

// isInput tells the states that the host writes before each evaluation.
func isInput(s *ir.State) bool {
	return s.Next == nil && (s.Kind == ir.InputState || s.Kind == ir.CounterState)
}

// PerStep tells, by ID, the nodes that every step runs: those that change with a
// state that steps write, and that some state's next value needs.
func PerStep(g *ir.Graph) []bool {
	var roots []*ir.Node
	for _, s := range g.States {
		if isWritten(s) {
			roots = append(roots, s.Next)
		}
	}
	return changed(g, isWritten, roots)
}

// changed tells the nodes that depend on a state that changes and that a root
// needs.
func changed(g *ir.Graph, changes func(*ir.State) bool, roots []*ir.Node) []bool {
	nodes := g.Nodes
	changing := make([]bool, len(nodes))
	needed := make([]bool, len(nodes))
	for i, n := range nodes {
		changing[i] = n.State != nil && changes(n.State)
		for _, in := range n.Inputs {
			changing[i] = changing[i] || changing[in.ID]
		}
	}
	for _, r := range roots {
		needed[r.ID] = true
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		for _, in := range nodes[i].Inputs {
			needed[in.ID] = needed[in.ID] || needed[i]
		}
	}
	for i := range changing {
		changing[i] = changing[i] && needed[i]
	}
	return changing
}

// layout is a placement in the making: what has been decided, and what counts
// for the rest. A state's home stands where the node that reads it stands.
type layout struct {
	placement *Placement
	running   []bool    // by ID
	users     [][]int32 // by ID: nodes that use a value, and homes that become it, each once
	where     []int     // by ID: the space; constants have none
	free      []bool    // by ID: whether the cost decides
	unmet     map[*ir.Node]string
	scale     float64 // of bytes a step to the units of a cut; see weigh
}

func newLayout(p *Placement) *layout {
	nodes := p.graph.Nodes
	l := &layout{placement: p, running: p.running(), where: make([]int, len(nodes)),
		free: make([]bool, len(nodes)), unmet: map[*ir.Node]string{}}
	count := make([]int, len(nodes))
	total := 0
	each := func(f func(value, user *ir.Node)) {
		for _, n := range nodes {
			for _, in := range n.Inputs {
				f(in, n)
			}
		}
		for _, s := range p.graph.States {
			if isWritten(s) {
				f(s.Next, s.Read)
			}
		}
	}
	each(func(value, _ *ir.Node) { count[value.ID]++; total++ })
	room := make([]int32, total)
	l.users = make([][]int32, len(nodes))
	for i, c := range count {
		l.users[i], room = room[:0:c], room[c:]
	}
	each(func(value, user *ir.Node) {
		u := l.users[value.ID]
		if len(u) == 0 || u[len(u)-1] != int32(user.ID) {
			l.users[value.ID] = append(u, int32(user.ID))
		}
	})
	return l
}

func (l *layout) fix(n *ir.Node, space int, reason string) {
	l.where[n.ID] = space
	l.placement.Reasons[n] = reason
}

// recurs tells whether what user needs of value moves at every step.
func (l *layout) recurs(value, user int) bool {
	nodes := l.placement.graph.Nodes
	if s := nodes[user].State; s != nil { // the home that becomes the value
		return l.running[value]
	}
	return l.running[value] && l.running[user]
}

// A cut counts in units: bytes a step times perByte. What moves once counts as
// if it were moved in so many steps, and of two placements that cost the same,
// the one is better in which the host needn't wait for a device: that counts as
// one unit.
const perByte = 1 << 20

// weigh chooses the scale such that no sum of costs comes near the largest
// number that there is.
func (l *layout) weigh() {
	total := 1.0
	for i, n := range l.placement.graph.Nodes {
		total += float64(n.Type.Bytes()) * float64(len(l.users[i])+2)
		if l.free[i] {
			for space := range l.placement.Targets {
				total += l.extra(n, space)
			}
		}
	}
	l.scale = min(perByte, math.Exp2(59)/total)
}

// units turns bytes a step into units.
func (l *layout) units(bytes float64) int64 { return int64(bytes * l.scale) }

// extra is what it costs to run a free node away from the main device, in bytes
// that could be carried in the time it takes longer there. Without it, one node
// that is bound to the host would draw a whole model to it, for then no byte
// crosses. Updates are small work beside their weights, and always go where the
// fewest bytes cross: so no weight does that isn't bound away from its layer.
func (l *layout) extra(n *ir.Node, space int) float64 {
	p := l.placement
	if space == p.Main || n.Update || !l.running[n.ID] || !HasKernel(n) {
		return 0
	}
	const most = 1 << 40
	there, here := p.Targets[space].Speed, p.Targets[p.Main].Speed
	switch {
	case here == device.Speed{}:
		return 0
	case there == device.Speed{}: // as good as bound elsewhere: it may be slow
		return most
	}
	return min(max(0, seconds(n, there)-seconds(n, here))*p.perSecond(space, p.Main), most)
}
