package autodiff

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops"
)

// activity says what of a graph depends on variables of interest in such a way that a
// gradient passes through.
type activity struct {
	active map[*ir.Node]bool
	scans  map[*ir.Node]map[int]bool // scan -> offsets of its active results
	// inner is the activity in scans' bodies. It only grows, so what was found in a body for
	// some active operands stays when there are more, and each body is gone through once
	// for every carry around and in it that becomes active, however deep it is.
	inner map[*ir.Node]*activity
}

func newActivity() *activity {
	return &activity{active: map[*ir.Node]bool{}, scans: map[*ir.Node]map[int]bool{}, inner: map[*ir.Node]*activity{}}
}

// visit marks a node whose operands have been visited.
func (a *activity) visit(n *ir.Node) {
	switch {
	case n.State != nil:
	case n.Op == ir.ScanOp:
		if a.visitScan(n) {
			a.active[n] = true
		}
	case n.Op == ir.ScanResultOp:
		if n.Type.DType.IsFloat() && a.scans[n.Inputs[0]][n.Int("offset")] {
			a.active[n] = true
		}
	case passes(n) && anyActive(a.active, n.Inputs):
		a.active[n] = true
	}
}

// passes reports whether a gradient passes through an ordinary node.
func passes(n *ir.Node) bool {
	return n.Type.DType.IsFloat() && (n.Op.Grad != nil || n.Op == ops.ScanSlice)
}

// visitScan finds the active results of a scan, and reports whether there are any.
func (a *activity) visitScan(n *ir.Node) bool {
	body := n.ScanBody()
	inner, known := a.inner[n]
	if !known {
		inner = newActivity()
		a.inner[n] = inner
	}
	if inner.begin(body.Graph, a.given(n)) || !known {
		inner.settle(body.Graph)
	}
	offsets, _ := body.Offsets()
	found := map[int]bool{}
	for _, s := range body.Results() {
		if kept := s.Next; s.Kind == ir.StackState && inner.active[kept.Inputs[2]] || s.Kind == ir.CarryState && inner.active[s.Read] {
			found[offsets[s]] = true
		}
	}
	a.scans[n] = found
	return len(found) > 0
}

// given tells the active operands of a scan.
func (a *activity) given(n *ir.Node) []bool {
	given := make([]bool, len(n.Inputs))
	for i, in := range n.Inputs {
		given[i] = in.Type.DType.IsFloat() && a.active[in]
	}
	return given
}

// activityIn finds what is active in the graph of a body, of whose scan some operands
// are. A carry is active if it begins so or becomes so.
func activityIn(g *ir.Graph, given []bool) *activity {
	a := newActivity()
	a.begin(g, given)
	a.settle(g)
	return a
}

// begin marks the states of operands that are active, and reports whether any is new.
func (a *activity) begin(g *ir.Graph, given []bool) (more bool) {
	for i, on := range given { // carries and operands are the first states
		if read := g.States[i].Read; on && !a.active[read] {
			a.active[read], more = true, true
		}
	}
	return more
}

// settle goes through a body until no more of it becomes active.
func (a *activity) settle(g *ir.Graph) {
	for settled := false; !settled; {
		for _, n := range g.Nodes {
			a.visit(n)
		}
		settled = true
		for _, s := range g.States {
			if s.Kind == ir.CarryState && a.active[s.Next] && !a.active[s.Read] {
				a.active[s.Read] = true
				settled = false
			}
		}
	}
}
