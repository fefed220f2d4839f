package place

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
)

// seconds estimates the time of a kernel.
func seconds(n *ir.Node, s device.Speed) float64 {
	if s.Flops <= 0 || s.Bytes <= 0 {
		return 0
	}
	if n.Op == ir.ScanOp {
		total := 0.0
		for _, m := range n.ScanBody().Graph.Nodes {
			if computes(m) {
				total += seconds(m, s)
			}
		}
		return float64(n.ScanBody().Length) * total
	}
	return s.Launch.Seconds() + max(arithmetic(float64(Flops(n)), s), touched(n)/s.Bytes)
}

// arithmetic estimates the time of so many flops: a little is done by few of the threads.
func arithmetic(flops float64, s device.Speed) float64 {
	all := flops / s.Flops
	return max(all, min(all*float64(s.Threads), s.Part.Seconds()))
}

// Flops counts a node's floating-point operations: two per multiplication and
// addition of a contraction, one per element that is computed or reduced (or as many as the
// op says), none where elements only move. Ops that lowering replaces by simpler ones count as those.
func Flops(n *ir.Node) int64 {
	if n.Op.Decompose != nil {
		return decomposedFlops(n)
	}
	if n.Op == ir.ScanOp {
		total := int64(0)
		for _, m := range n.ScanBody().Graph.Nodes {
			total = Sum(total, Flops(m))
		}
		return int64(ir.MulSize(n.ScanBody().Length, int(total)))
	}
	if n.Op.Products != nil {
		return int64(ir.MulSize(2, n.Op.Products(n)))
	}
	switch n.Op.Class {
	case ir.Elementwise:
		return int64(n.Type.Shape.Numel())
	case ir.Reduce:
		return int64(ir.MulSize(n.Inputs[0].Type.Shape.Numel(), max(1, n.Op.Flops)))
	}
	return 0
}

// decomposedFlops counts the nodes that lowering makes of a node.
func decomposedFlops(n *ir.Node) (total int64) {
	b := ir.NewBuilder(&ir.Graph{})
	n.Op.Decompose(b, n)
	for _, made := range b.Graph.Nodes {
		total = Sum(total, Flops(made))
	}
	return total
}

// touched estimates the bytes that a kernel reads and writes. Kernels that pick
// elements read at most as many bytes of an operand as they write.
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

// perSecond is the bandwidth between two devices, by way of the host; 0 if unknown.
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

// running tells the nodes that run repeatedly: at every step or, in a program
// without steps, at every inference.
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
	return slices.Repeat([]bool{true}, len(g.Nodes))
}

// isWritten tells the states that steps write.
func isWritten(s *ir.State) bool { return s.Next != nil && s.Next != s.Read }

// isInput tells the states that the host writes before each inference.
func isInput(s *ir.State) bool {
	return s.Next == nil && (s.Kind == ir.InputState || s.Kind == ir.CounterState)
}

// PerStep tells, by ID, the nodes that every step runs: those that change with a
// state that steps write, and that some state's next value needs.
func PerStep(g *ir.Graph) []bool {
	return changed(g, isWritten, Updates(g))
}

// changed tells the nodes that a root needs and that depend on a state that changes.
func changed(g *ir.Graph, changes func(*ir.State) bool, roots []*ir.Node) []bool {
	changing := make([]bool, len(g.Nodes))
	for i, n := range g.Nodes {
		changing[i] = n.State != nil && changes(n.State)
		for _, in := range n.Inputs {
			changing[i] = changing[i] || changing[in.ID]
		}
	}
	for i, needed := range Needed(g, roots) {
		changing[i] = changing[i] && needed
	}
	return changing
}

// Needed tells, by ID, the nodes that some root needs.
func Needed(g *ir.Graph, roots []*ir.Node) []bool {
	needed := make([]bool, len(g.Nodes))
	for _, r := range roots {
		needed[r.ID] = true
	}
	for _, n := range slices.Backward(g.Nodes) {
		for _, in := range n.Inputs {
			needed[in.ID] = needed[in.ID] || needed[n.ID]
		}
	}
	return needed
}

// Updates lists what steps make of states.
func Updates(g *ir.Graph) (roots []*ir.Node) {
	for _, s := range g.States {
		if isWritten(s) {
			roots = append(roots, s.Next)
		}
	}
	return roots
}

// layout is the working state of Run. A state's Read node stands for its home.
type layout struct {
	placement *Placement
	running   []bool    // by ID
	users     [][]int32 // by ID: nodes that use a value, and homes that it is committed to, each once
	where     []int     // by ID: the space; constants have none
	free      []bool    // by ID: whether the cost decides
	unmet     map[*ir.Node]string
	scale     float64 // of bytes a step to the units of a cut; see weigh
}

func newLayout(p *Placement) *layout {
	nodes := p.graph.Nodes
	l := &layout{placement: p, running: p.running(), users: make([][]int32, len(nodes)), where: make([]int, len(nodes)),
		free: make([]bool, len(nodes)), unmet: map[*ir.Node]string{}}
	use := func(value, user *ir.Node) {
		if u := l.users[value.ID]; len(u) == 0 || u[len(u)-1] != int32(user.ID) {
			l.users[value.ID] = append(u, int32(user.ID))
		}
	}
	for _, n := range nodes {
		for _, in := range n.Inputs {
			use(in, n)
		}
	}
	for _, s := range p.graph.States {
		if isWritten(s) {
			use(s.Next, s.Read)
		}
	}
	return l
}

func (l *layout) fix(n *ir.Node, space int, reason string) {
	l.where[n.ID] = space
	l.placement.Reasons[n] = reason
}

// recurs tells whether an edge is used at every step.
func (l *layout) recurs(value, user int) bool {
	nodes := l.placement.graph.Nodes
	if s := nodes[user].State; s != nil { // the home that the value is committed to
		return l.running[value]
	}
	return l.running[value] && l.running[user]
}

// A cut counts in units: bytes per step times perByte. A copy that is made only
// once counts as if it were spread over perByte steps. Among equal placements, the
// one in which the host needn't wait for a device is better: waiting costs one unit.
const perByte = 1 << 20

// weigh chooses the scale so that no sum of costs overflows.
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

// units converts bytes per step.
func (l *layout) units(bytes float64) int64 { return int64(bytes * l.scale) }

// extra is the cost of running a free node away from the main device, in bytes that
// could be copied in the additional time. Without it, a single node pinned to the
// host would pull a whole model there, as then no byte crosses. Updates are little
// work compared with their weights, and always go where the fewest bytes cross: so
// no weight crosses unless it is pinned away from its layer.
func (l *layout) extra(n *ir.Node, space int) float64 {
	p := l.placement
	if space == p.Main || n.Update || !l.running[n.ID] || !computes(n) {
		return 0
	}
	const most = 1 << 40
	there, here := p.Targets[space].Speed, p.Targets[p.Main].Speed
	switch {
	case here == device.Speed{}:
		return 0
	case there == device.Speed{}: // it may be slow
		return most
	}
	return min(max(0, seconds(n, there)-seconds(n, here))*p.perSecond(space, p.Main), most)
}

// launches counts the kernels that a node runs.
func launches(n *ir.Node) int {
	if n.Op != ir.ScanOp {
		return 1
	}
	total := 0
	for _, m := range n.ScanBody().Graph.Nodes {
		if computes(m) {
			total = ir.AddSize(total, launches(m))
		}
	}
	return ir.MulSize(n.ScanBody().Length, total)
}
