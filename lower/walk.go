package lower

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// walk orders the nodes of a sorted graph by a depth-first walk from the roots that keeps
// values short-lived. The depth of a node is the length of the longest way to it.
//
//   - Gradients are walked to before what uses them, shallow ones first. Those of the last
//     layer are the shallowest, so each layer's activations are done with when the
//     backward pass leaves the layer, whatever comes of the gradients together: a norm.
//   - Of a node's operands, the deepest is walked to first, as it takes the longest. So a
//     value of the forward pass that is computed again for a gradient comes just before it
//     is used, after all that the gradient comes from.
//   - Outputs come last: steps don't run what only they need.
func walk(g *ir.Graph) {
	w := &walker{depth: make([]int, len(g.Nodes)), seen: make([]bool, len(g.Nodes))}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			w.depth[n.ID] = max(w.depth[n.ID], w.depth[in.ID]+1)
		}
	}
	for _, s := range g.States {
		w.visit(s.Read)
	}
	for _, n := range w.shallowFirst(gradients(g)) {
		w.visit(n)
	}
	for _, n := range w.shallowFirst(nexts(g)) {
		w.visit(n)
	}
	for _, o := range g.Outputs {
		w.visit(o.Node)
	}
	g.Nodes = w.order
	number(g)
}

// gradients are what updates of parameters take from the rest of the graph.
func gradients(g *ir.Graph) (all []*ir.Node) {
	for _, n := range g.Nodes {
		if !n.Update {
			continue
		}
		for _, in := range n.Inputs {
			if !in.Update && in.State == nil {
				all = append(all, in)
			}
		}
	}
	return all
}

// nexts are the nodes that a step commits.
func nexts(g *ir.Graph) (all []*ir.Node) {
	for _, s := range g.States {
		if s.Next != nil {
			all = append(all, s.Next)
		}
	}
	return all
}

type walker struct {
	depth []int // by ID
	seen  []bool
	order []*ir.Node
	stack []visit
}

// visit is a node whose operands are being walked to: those that are left.
type visit struct {
	node *ir.Node
	left []*ir.Node
}

func (w *walker) shallowFirst(nodes []*ir.Node) []*ir.Node {
	slices.SortStableFunc(nodes, func(a, b *ir.Node) int { return cmp.Compare(w.depth[a.ID], w.depth[b.ID]) })
	return nodes
}

// visit appends what a node depends on, and the node.
func (w *walker) visit(n *ir.Node) {
	w.enter(n)
	for len(w.stack) > 0 {
		top := &w.stack[len(w.stack)-1]
		if len(top.left) == 0 {
			w.order = append(w.order, top.node)
			w.stack = w.stack[:len(w.stack)-1]
			continue
		}
		next := top.left[len(top.left)-1]
		top.left = top.left[:len(top.left)-1]
		w.enter(next)
	}
}

// enter begins a node, unless it was.
func (w *walker) enter(n *ir.Node) {
	if w.seen[n.ID] {
		return
	}
	w.seen[n.ID] = true
	left := slices.Clone(n.Inputs)
	slices.Reverse(left) // the first of equally deep ones is taken first, from the end
	w.stack = append(w.stack, visit{n, w.shallowFirst(left)})
}
