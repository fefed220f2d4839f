// Package autodiff differentiates programs: it replaces every grad node of a
// graph by nodes that compute the gradient, in reverse mode.
//
// All gradients of one scalar come from one sweep over its graph, so the cost of a
// backward pass doesn't depend on the number of parameters. Only nodes between a
// variable and the scalar are visited. The sweep adds ordinary nodes, so a gradient
// of a gradient needs nothing special.
package autodiff

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops"
)

// Error says that a gradient doesn't exist, and where it was requested. Blocked are
// the first few nodes without a gradient through which the scalar depends on the
// variable, if there are any.
type Error struct {
	Range   diag.Range
	Msg     string
	Blocked []*ir.Node
}

// Error gives the message with its position.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Range, e.Msg) }

// placed is an error in the gradient of a node, with a place: its own, or the node's.
func placed(n *ir.Node, err error) error {
	if at := (*Error)(nil); errors.As(err, &at) {
		return at
	}
	return &Error{Range: n.Origin, Msg: fmt.Sprintf("the gradient of %s can't be computed: %v", n.Op.Name, err)}
}

// Expand replaces the grad nodes of g. A gradient with respect to a value that the
// scalar doesn't depend on, or only through ops without a gradient, is an *Error.
// Visited and new nodes are charged to the budget; nil is unlimited.
func Expand(g *ir.Graph, budget *diag.Budget) error {
	if err := g.Sort(); err != nil {
		return err
	}
	if err := expandBodies(g, budget); err != nil {
		return err
	}
	e := &expander{graph: g, budget: budget, replaced: map[*ir.Node]*ir.Node{}, of: map[*ir.Node][]*ir.Node{}}
	for _, n := range g.Nodes {
		if n.Op == ir.GradOp {
			e.of[n.Inputs[0]] = append(e.of[n.Inputs[0]], n)
		}
	}
	if len(e.of) == 0 {
		return nil
	}
	// In topological order, so that gradients inside a scalar are replaced before the
	// scalar is differentiated.
	nodes := g.Nodes
	for _, n := range nodes {
		e.again = max(e.again, n.Again)
		e.rewire(n)
		if n.Op == ir.GradOp && e.replaced[n] == nil {
			if err := e.differentiate(n.Inputs[0]); err != nil {
				return err
			}
		}
	}
	for _, s := range g.States {
		if r := e.replaced[s.Next]; r != nil {
			s.Next = r
		}
	}
	for i, o := range g.Outputs {
		if r := e.replaced[o.Node]; r != nil {
			g.Outputs[i].Node = r
		}
	}
	return g.Sort()
}

// expandBodies replaces the grad nodes in the bodies of scans.
func expandBodies(g *ir.Graph, budget *diag.Budget) error {
	for _, n := range g.Nodes {
		if n.Op != ir.ScanOp || !slices.ContainsFunc(n.ScanBody().Graph.Nodes, func(m *ir.Node) bool { return m.Op == ir.GradOp || m.Op == ir.ScanOp }) {
			continue
		}
		body := *n.ScanBody()
		body.Graph = body.Graph.Clone()
		if err := Expand(body.Graph, budget); err != nil {
			return err
		}
		n.SetScanBody(&body)
	}
	return nil
}

type expander struct {
	graph    *ir.Graph
	budget   *diag.Budget
	replaced map[*ir.Node]*ir.Node   // grad node -> its gradient
	of       map[*ir.Node][]*ir.Node // scalar -> its grad nodes that aren't replaced yet
	again    int                     // the last mark of nodes that are computed again
}

// replace replaces a grad node by a gradient, also as a scalar of further gradients.
func (e *expander) replace(n, gradient *ir.Node) {
	e.replaced[n] = gradient
	if waiting := e.of[n]; waiting != nil {
		e.of[gradient] = append(e.of[gradient], waiting...)
		delete(e.of, n)
	}
}

// sweepCost is the cost of visiting a node in a sweep.
const sweepCost = 150

// rewire replaces the grad nodes among n's operands.
func (e *expander) rewire(n *ir.Node) {
	for i, in := range n.Inputs {
		if r := e.replaced[in]; r != nil {
			n.Inputs[i] = r
		}
	}
}

// differentiate replaces all grad nodes of the scalar y.
func (e *expander) differentiate(y *ir.Node) error {
	wanted := e.of[y]
	delete(e.of, y)
	e.budget.At(wanted[0].Origin)
	cone := e.conePostorder(y)
	a := newActivity()
	for _, n := range wanted {
		e.rewire(n)
		a.active[n.Inputs[1]] = true
	}
	for _, n := range cone {
		a.visit(n)
	}
	s := newSweep(e.graph, e.budget, &e.again)
	if a.active[y] {
		s.grads[y] = s.b.Scalar(y.Type.DType.Wide(), 1.0)
	}
	for _, n := range slices.Backward(cone) {
		if err := s.visit(n, a); err != nil {
			return err
		}
	}
	for _, n := range wanted {
		x := n.Inputs[1]
		if s.grads[x] == nil {
			return missing(n, cone, a)
		}
		e.replace(n, s.b.CastFor(s.grads[x], x.Type.DType, "a gradient has the dtype of what it is for"))
	}
	return nil
}

// maxBlocked bounds the ops that an Error names.
const maxBlocked = 3

// missing says why a grad node has no gradient. cone is what its scalar depends on.
func missing(n *ir.Node, cone []*ir.Node, a *activity) *Error {
	y, x := n.Inputs[0], n.Inputs[1]
	reached := map[*ir.Node]bool{x: true}
	e := &Error{Range: n.Origin}
	var names []string
	depends := x == y
	for _, c := range cone {
		if !anyActive(reached, c.Inputs) {
			continue
		}
		if passes(c) || c.Op == ir.ScanOp || c.Op == ir.ScanResultOp && a.active[c] {
			reached[c] = true
			continue
		}
		depends = true
		if name := "`" + c.Op.Name + "`"; len(names) < maxBlocked && !slices.Contains(names, name) {
			names = append(names, name)
			e.Blocked = append(e.Blocked, c)
		}
	}
	if depends {
		e.Msg = fmt.Sprintf("no gradient with respect to %s: %s depends on it only through %s, which is not differentiable",
			x.Label(), y.Label(), strings.Join(names, " and "))
	} else {
		e.Msg = fmt.Sprintf("no gradient with respect to %s: %s doesn't depend on it", x.Label(), y.Label())
	}
	return e
}

func anyActive(active map[*ir.Node]bool, nodes []*ir.Node) bool {
	return slices.ContainsFunc(nodes, func(n *ir.Node) bool { return active[n] })
}

// conePostorder lists what y depends on, operands before users, y last.
func (e *expander) conePostorder(y *ir.Node) []*ir.Node {
	type frame struct {
		node *ir.Node
		next int
	}
	var order []*ir.Node
	seen := map[*ir.Node]bool{y: true}
	stack := []frame{{y, 0}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if f.next == len(f.node.Inputs) {
			e.budget.Spend(diag.Deriving, sweepCost)
			order = append(order, f.node)
			stack = stack[:len(stack)-1]
			continue
		}
		in := f.node.Inputs[f.next]
		f.next++
		if !seen[in] {
			seen[in] = true
			stack = append(stack, frame{in, 0})
		}
	}
	return order
}

// sweep is one pass of reverse mode: gradients, those of f16 and bf16 values in f32.
type sweep struct {
	b     *ir.Builder
	again *recomputer
	grads map[*ir.Node]*ir.Node
	wide  map[*ir.Node]*ir.Node // values of 16 bits -> the same in f32
	// results are the gradients of scans' results, by their offsets.
	results map[*ir.Node]map[int]*ir.Node
}

// newSweep begins a sweep. again is the last mark of nodes that are computed again.
func newSweep(g *ir.Graph, budget *diag.Budget, again *int) *sweep {
	b := ir.NewBuilder(g)
	b.Budget, b.Work = budget, diag.Deriving
	return &sweep{b: b, again: newRecomputer(b, again), grads: map[*ir.Node]*ir.Node{}, wide: map[*ir.Node]*ir.Node{}, results: map[*ir.Node]map[int]*ir.Node{}}
}

// at lets nodes be made that belong to the gradient of n.
func (s *sweep) at(n *ir.Node) {
	s.b.Site = n.Site
	s.b.Gradient = true
}

// visit propagates the gradient of n, if it has one, to those of its operands that are
// active. Its users have been visited.
func (s *sweep) visit(n *ir.Node, a *activity) error {
	switch {
	case n.Op == ir.ScanOp:
		return s.throughScan(n, a)
	case s.grads[n] == nil:
	case n.Op == ir.ScanResultOp:
		if a.active[n] && a.active[n.Inputs[0]] {
			s.at(n)
			s.result(n, s.grads[n])
		}
	case n.Op.Grad != nil && anyActive(a.active, n.Inputs):
		return s.through(n, a.active)
	}
	return nil
}

// add adds to the gradient of a value.
func (s *sweep) add(n, part *ir.Node) {
	part = s.b.CastFor(part, n.Type.DType.Wide(), "gradients are summed in f32")
	if sum := s.grads[n]; sum != nil {
		part = s.b.Apply(ops.Add, sum, part)
	}
	s.grads[n] = part
}

// through propagates the gradient of n to those of its operands that are active.
func (s *sweep) through(n *ir.Node, active map[*ir.Node]bool) error {
	s.at(n)
	at, gradient := s.again.of(n), s.grads[n]
	if n.Op.Class == ir.Contract || n.Op.Sums { // so its factors stay small
		gradient = s.b.CastFor(gradient, at.Inputs[0].Type.DType, n.Op.Name+" is differentiated in the dtype of its factors")
	} else {
		at = s.b.Widened(at, s.widen)
	}
	for j, part := range n.Op.Grad(s.b, at, gradient) {
		in := n.Inputs[j]
		if part == nil || !active[in] {
			continue
		}
		if !part.Type.Equal(at.Inputs[j].Type) {
			return placed(n, fmt.Errorf("for its operand %d it is %s instead of %s", j, part.Type, at.Inputs[j].Type))
		}
		s.add(in, part)
	}
	if s.b.Err() != nil {
		return placed(n, s.b.Err())
	}
	return nil
}

// widen casts a value to f32 if it is f16 or bf16.
func (s *sweep) widen(x *ir.Node) *ir.Node {
	if !x.Type.DType.IsHalf() {
		return x
	}
	if s.wide[x] == nil {
		s.wide[x] = s.b.CastFor(x, x.Type.DType.Wide(), "gradients are computed in f32")
	}
	return s.wide[x]
}
