package autodiff

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops"
)

// The gradient of a scan is a scan in the other direction. Its body is the sweep of the
// scan's body: its carries are the gradients of that body's carries, and sums of the
// gradients of what is the same at each position; it keeps the gradients of slices. What
// the sweep needs of the body is computed again if that is little work, and otherwise
// kept by the scan, which gets more stacks for it.

// result notes the gradient of a result of a scan.
func (s *sweep) result(n, g *ir.Node) {
	of := s.results[n.Inputs[0]]
	if of == nil {
		of = map[int]*ir.Node{}
		s.results[n.Inputs[0]] = of
	}
	if before := of[n.Int("offset")]; before != nil {
		g = s.b.Apply(ops.Add, before, g)
	}
	of[n.Int("offset")] = g
}

// throughScan propagates the gradients of a scan's results to its active operands. Of a scan
// whose values aren't kept, it is the one that is computed again that keeps more.
func (s *sweep) throughScan(n *ir.Node, a *activity) error {
	grads := s.results[n]
	if len(grads) == 0 {
		return nil
	}
	s.at(n)
	d := newScanGradient(s, s.again.of(n), a.given(n))
	if err := d.sweep(grads); err != nil {
		return placed(n, err)
	}
	if err := d.assemble(); err != nil {
		return placed(n, err)
	}
	for i, in := range n.Inputs {
		if part := d.gradients[i]; part != nil && a.active[in] {
			s.add(in, part)
		}
	}
	return s.b.Err()
}

// scanGradient makes the gradient of a scan. It begins with a copy of the body, adds its
// sweep, and then drops what the sweep doesn't need.
type scanGradient struct {
	outer    *sweep
	scan     *ir.Node
	graph    *ir.Graph // the copy
	own      int       // how many of its nodes are the body's
	inner    *sweep
	activity *activity

	carries []outward // of the new body, without the position
	given   []outward
	stacks  []*ir.State
	// what a result of the new scan is the gradient of: an operand of the scan
	of map[*ir.State]int
	// instead has what replaces values of the body that were kept.
	instead map[*ir.Node]*ir.Node
	kept    map[*ir.State]*ir.Node // operands of the new body -> the value of the copy that they keep
	failure *Error                 // why something can't be kept

	gradients []*ir.Node // by operand of the scan
}

// outward is a state of the new body with what it is outside of it: what a carry begins
// with, or an operand.
type outward struct {
	state *ir.State
	value *ir.Node
}

func newScanGradient(s *sweep, n *ir.Node, given []bool) *scanGradient {
	g := n.ScanBody().Graph.Clone()
	return &scanGradient{
		outer: s, scan: n, graph: g, own: len(g.Nodes), inner: newSweep(g, s.b.Budget, s.again.last), activity: activityIn(g, given),
		of: map[*ir.State]int{}, instead: map[*ir.Node]*ir.Node{}, kept: map[*ir.State]*ir.Node{},
		gradients: make([]*ir.Node, len(n.Inputs)),
	}
}

// sweep differentiates one position: from the gradients of what it gives to those of what
// it takes.
func (d *scanGradient) sweep(grads map[int]*ir.Node) error {
	b := d.inner.b
	body := d.scan.ScanBody()
	offsets, _ := body.Offsets()
	position := d.graph.States[0].Read
	var carries []*ir.State
	for i, s := range d.graph.States {
		b.Site = d.scan.Site
		from := body.Graph.States[i]
		switch {
		case s.Kind == ir.CarryState && d.activity.active[s.Read]:
			g := b.NewState("gradient of "+s.Name, ir.CarryState, wideType(s.Type))
			d.carries = append(d.carries, outward{g, d.outer.orZero(grads[offsets[from]], g.Type)})
			d.of[g] = i
			d.inner.add(s.Next, g.Read)
			carries = append(carries, s)
		case s.Kind == ir.StackState && grads[offsets[from]] != nil && d.activity.active[s.Next.Inputs[2]]:
			g := b.NewState("gradient of "+s.Name, ir.OperandState, wideType(s.Type))
			d.given = append(d.given, outward{g, grads[offsets[from]]})
			d.inner.add(s.Next.Inputs[2], b.Apply(ops.ScanSlice, g.Read, position, s.Next.Int("dim")))
		}
	}
	for _, n := range slices.Backward(d.graph.Nodes[:d.own:d.own]) {
		if n.State != nil || n.Op == ops.ScanSlice || n.Op == ops.ScanStore {
			continue
		}
		if err := d.inner.visit(n, d.activity); err != nil {
			return err
		}
	}
	b.Site = d.scan.Site
	for i, s := range carries {
		g := d.carries[i].state
		g.Next = d.inner.orZero(d.inner.grads[s.Read], g.Type)
	}
	d.sums()
	d.slices()
	return b.Err()
}

// sums adds up the gradients of what is the same at each position.
func (d *scanGradient) sums() {
	b := d.inner.b
	for i, s := range d.graph.States {
		part := d.inner.grads[s.Read]
		if s.Kind != ir.OperandState || part == nil || i >= len(d.scan.Inputs) {
			continue
		}
		sum := b.NewState("gradient of "+s.Name, ir.CarryState, part.Type)
		sum.Next = b.Apply(ops.Add, sum.Read, part)
		d.carries = append(d.carries, outward{sum, d.outer.orZero(nil, sum.Type)})
		d.of[sum] = i
	}
}

// slices keeps the gradients of slices.
func (d *scanGradient) slices() {
	b := d.inner.b
	index := map[*ir.Node]int{}
	for i := range d.scan.Inputs {
		index[d.graph.States[i].Read] = i
	}
	for _, n := range d.graph.Nodes[:d.own:d.own] {
		part := d.inner.grads[n]
		if n.Op != ops.ScanSlice || part == nil {
			continue
		}
		s := b.NewState(fmt.Sprintf("gradient of slice %d", n.ID), ir.StackState, wideType(n.Inputs[0].Type))
		s.Next = b.Apply(ops.ScanStore, s.Read, d.graph.States[0].Read, part, n.Int("dim"))
		d.stacks = append(d.stacks, s)
		d.of[s] = index[n.Inputs[0]]
	}
}

// assemble makes the new scan, and takes the gradients out of it.
func (d *scanGradient) assemble() error {
	body := d.scan.ScanBody()
	position, first := d.graph.States[0], 0
	d.inner.b.Site = d.scan.Site
	if body.Reverse {
		position.Next = d.inner.b.Apply(ops.Add, position.Read, 1)
	} else {
		position.Next = d.inner.b.Apply(ops.Add, position.Read, -1)
		first = body.Length - 1
	}
	for i := range d.scan.Inputs {
		if s := d.graph.States[i]; s.Kind == ir.OperandState {
			d.given = append(d.given, outward{s, d.scan.Inputs[i]})
		}
	}
	used := d.drop()
	if d.failure != nil {
		return d.failure
	}
	if err := d.inner.b.Err(); err != nil {
		return err
	}
	d.keep()

	states, operands := []*ir.State{position}, []*ir.Node{d.outer.b.Scalar(ir.I64, first)}
	for _, c := range d.carries {
		states, operands = append(states, c.state), append(operands, c.value)
	}
	for _, o := range d.given {
		if used[o.state.Read] {
			states, operands = append(states, o.state), append(operands, o.value)
		}
	}
	d.graph.States = append(states, d.stacks...)
	d.graph.Outputs = nil
	for i, s := range d.graph.States {
		s.Name = fmt.Sprintf("%s %d", s.Name, i) // unique
	}
	if err := d.graph.Sort(); err != nil {
		return err
	}
	scan := d.outer.b.Scan(&ir.Body{Graph: d.graph, Length: body.Length, Reverse: !body.Reverse}, operands)
	if err := d.outer.b.Err(); err != nil {
		return err
	}
	for _, s := range d.graph.States {
		if i, is := d.of[s]; is {
			part := d.outer.b.ScanResult(scan, s)
			if before := d.gradients[i]; before != nil {
				part = d.outer.b.Apply(ops.Add, before, part)
			}
			d.gradients[i] = part
		}
	}
	return nil
}

// drop finds the nodes that the sweep needs, and replaces those values of the body that
// aren't computed again.
func (d *scanGradient) drop() map[*ir.Node]bool {
	roots := func(visit func(**ir.Node)) {
		visit(&d.graph.States[0].Next)
		for _, c := range d.carries {
			visit(&c.state.Next)
		}
		for _, s := range d.stacks {
			visit(&s.Next)
		}
	}
	again := d.computedAgain()
	used := map[*ir.Node]bool{}
	var stack []*ir.Node
	push := func(n *ir.Node) {
		if !used[n] {
			used[n] = true
			stack = append(stack, n)
		}
	}
	roots(func(n **ir.Node) { push(*n) })
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if d.isOwn(n) && !again[n.ID] || d.isResult(n) {
			push(d.replace(n).Inputs[0])
			continue
		}
		for _, in := range n.Inputs {
			push(in)
		}
	}
	put := func(n **ir.Node) {
		if r := d.instead[*n]; r != nil {
			*n = r
		}
	}
	for n := range used {
		for i := range n.Inputs {
			put(&n.Inputs[i])
		}
	}
	roots(put)
	return used
}

// isOwn reports whether a node of the copy is one of the body's.
func (d *scanGradient) isOwn(n *ir.Node) bool { return n.ID < d.own && d.graph.Nodes[n.ID] == n }

// isResult reports whether a node is a result of a scan in the body, maybe one that the
// scan keeps for its gradient.
func (d *scanGradient) isResult(n *ir.Node) bool {
	return n.Op == ir.ScanResultOp && d.isOwn(n.Inputs[0])
}

// replace makes an operand of what the scan will keep of a node, and gives its slice, which
// in its shape is instead of the node.
func (d *scanGradient) replace(n *ir.Node) *ir.Node {
	b := d.inner.b
	b.Site = n.Site
	t := stacked(n.Type, d.scan.ScanBody().Length)
	if err := ir.CheckShape(t.DType, t.Shape); err != nil && d.failure == nil {
		d.failure = &Error{Range: n.Origin, Msg: fmt.Sprintf("the gradient of a scan needs the value of `%s` at each of its %d positions, but %v", n.Op.Name, d.scan.ScanBody().Length, err)}
	}
	s := b.NewState("kept", ir.OperandState, t)
	d.kept[s] = n
	d.given = append(d.given, outward{state: s})
	slice := b.Apply(ops.ScanSlice, s.Read, d.graph.States[0].Read, 0)
	if d.failure == nil {
		d.instead[n] = b.Reshape(slice, n.Type.Shape)
	}
	return slice
}

// computedAgain tells the body's nodes, by ID, that its gradient computes once more
// because that is little work: what needs only operands and slices of them and isn't a
// product or a reduction, what is the same at each position, and what only moves or
// converts.
func (d *scanGradient) computedAgain() []bool {
	again, same := make([]bool, d.own), make([]bool, d.own)
	keeps := make([]bool, d.own) // computed again from something that is kept
	for _, n := range d.graph.Nodes[:d.own] {
		all := func(of []bool) bool {
			return !slices.ContainsFunc(n.Inputs, func(in *ir.Node) bool { return !of[in.ID] })
		}
		needs := slices.ContainsFunc(n.Inputs, func(in *ir.Node) bool { return !again[in.ID] || keeps[in.ID] })
		switch {
		case n.State != nil:
			same[n.ID] = n.State.Kind == ir.OperandState
			again[n.ID] = same[n.ID] || n.State == d.graph.States[0]
		case n.Op == ir.ScanOp || n.Op == ir.ScanResultOp || n.Op == ops.ScanStore:
		case all(same):
			same[n.ID], again[n.ID] = true, true
		case n.Op == ir.CastOp || n.Op.Class == ir.Move:
			again[n.ID], keeps[n.ID] = true, needs
		case n.Op.Class == ir.Elementwise || n.Op.Random:
			again[n.ID] = !needs
		}
	}
	return again
}

// keep gives the scan stacks of what its gradient needs, unless it has them.
func (d *scanGradient) keep() {
	old := d.scan.ScanBody()
	g := old.Graph.Clone()
	b := ir.NewBuilder(g)
	b.Budget, b.Work, b.Site = d.outer.b.Budget, d.outer.b.Work, d.scan.Site
	position := g.States[0].Read
	stacks := map[*ir.Node]*ir.State{} // by the value that they keep
	for _, s := range g.States {
		if s.Kind == ir.StackState && s.Next.Int("dim") == 0 {
			stacks[s.Next.Inputs[2]] = s
		}
	}
	sources := map[*ir.State]*ir.Node{}
	for _, o := range d.given {
		value, is := d.kept[o.state]
		if !is {
			continue
		}
		from := d.source(b, value)
		sources[o.state] = from
		if stacks[from] == nil {
			s := b.NewState(fmt.Sprintf("kept %d", len(g.States)), ir.StackState, o.state.Type)
			s.Next = b.Apply(ops.ScanStore, s.Read, position, b.Reshape(from, o.state.Type.Shape[1:]), 0)
			stacks[from] = s
		}
	}
	_ = g.Sort() // it has no cycle that the body didn't have
	d.scan.SetScanBody(&ir.Body{Graph: g, Length: old.Length, Reverse: old.Reverse})
	for i, o := range d.given {
		if from := sources[o.state]; from != nil {
			d.given[i].value = d.outer.b.ScanResult(d.scan, stacks[from])
		}
	}
}

// source finds a value of the copy in the scan's new body. A result of a scan in the body
// may be one that this scan has only been given for its gradient.
func (d *scanGradient) source(b *ir.Builder, value *ir.Node) *ir.Node {
	if !d.isResult(value) {
		return b.Graph.Nodes[value.ID]
	}
	scan := b.Graph.Nodes[value.Inputs[0].ID]
	scan.SetScanBody(value.Inputs[0].ScanBody())
	for _, n := range b.Graph.Nodes {
		if n.Op == ir.ScanResultOp && n.Inputs[0] == scan && n.Int("offset") == value.Int("offset") {
			return n
		}
	}
	return b.Apply(ir.ScanResultOp, scan, value.Int("offset"), value.Type.DType, []int(value.Type.Shape))
}

// stacked is the type of what is kept of each position: values with as many dims as there may
// be are kept as rows.
func stacked(t ir.Type, length int) ir.Type {
	if len(t.Shape) == ir.MaxRank {
		return ir.Type{DType: t.DType, Shape: ir.Shape{length, t.Shape.Numel()}}
	}
	return ir.Type{DType: t.DType, Shape: append(ir.Shape{length}, t.Shape...)}
}

func wideType(t ir.Type) ir.Type { return ir.Type{DType: t.DType.Wide(), Shape: t.Shape} }

// orZero is a gradient, or zeros of its type.
func (s *sweep) orZero(g *ir.Node, t ir.Type) *ir.Node {
	if g == nil {
		return s.b.Fill(t, 0)
	}
	return s.b.Cast(g, t.DType)
}
