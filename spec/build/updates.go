package build

import (
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// update makes all updates of a step, in their order. Each writes states by giving them a
// Next; the next update goes on from that.
func (t *training) update() {
	var due []*ir.Node // of each optimizer
	t.beginCopies()
	for _, u := range t.def.Updates {
		switch {
		case u.Loss != nil || u.Optimizer != nil:
			due = append(due, t.optimize(u))
		case u.Assign != nil:
			t.assign(u)
		default:
			t.copy(u)
		}
	}
	t.untrained()
	t.updated = t.anyDue(due)
}

// anyDue is whether any optimizer updates; nil if none accumulates, or one always does.
func (t *training) anyDue(due []*ir.Node) *ir.Node {
	accumulates := slices.ContainsFunc(t.def.Updates, func(u *syntax.Update) bool { return u.Accumulate > 1 })
	if len(t.def.Averages) == 0 || !accumulates || slices.Contains(due, nil) {
		return nil
	}
	from := len(t.Graph.Nodes)
	t.Origin = t.def.At
	any := due[0]
	for _, d := range due[1:] {
		any = t.Apply(ir.LookupOp("logical_or"), any, d)
	}
	t.own(from, "optimizer.averages", "")
	return any
}

// turn says in which steps an update is made.
type turn struct {
	now    *ir.Node // whether this is one, bool[]; nil: every step is
	before *ir.Node // how many there were before, i64[]
	after  *ir.Node // how many there are with this step, if it is one
}

// turnOf gives the turns of an update: every so many steps, those that are left out aside,
// and of these the ones in which its condition holds.
func (t *training) turnOf(u *syntax.Update) turn {
	op := func(name string, args ...any) *ir.Node { return t.Apply(ir.LookupOp(name), args...) }
	taken := t.taken()
	after := t.counter.Next
	if taken != t.step && (u.Every > 1 || u.When != nil || u.Accumulate > 1) {
		after = op("add", taken, 1)
	}
	now := turn{before: taken, after: after}
	if n := int(u.Every); n > 1 {
		now.now = op("eq", op("remainder", after, n), 0)
		now.before = op("floor_divide", taken, n)
		now.after = op("floor_divide", after, n)
	}
	if u.When == nil {
		return now
	}
	if when := t.when(u); when != nil {
		if now.now != nil {
			when = op("logical_and", now.now, when)
		}
		now.now = when
	}
	// How often a condition has held is known to nobody but a state.
	s, _ := t.newState(newFrame(nil, ""), join(join("optimizer", u.Name), "turns"), ir.OptimState, ir.Scalar(ir.I64), u.At)
	t.first.set(s.Name, t.first.Scalar(ir.I64, 0))
	now.before, now.after = s.Read, op("add", s.Read, 1)
	if now.now != nil {
		s.Next = op("where", now.now, now.after, s.Read)
	}
	return now
}

// when builds the condition of an update; nil was reported.
func (t *training) when(u *syntax.Update) *ir.Node {
	v := t.ofStep(func() any {
		return t.single(join("updates", u.Name), &syntax.Node{Value: u.When, At: u.When.At()}, ir.BufferState)
	})
	t.Origin = u.When.At()
	switch v := v.(type) {
	case syntax.Bad:
		return nil
	case bool:
		return t.Scalar(ir.Bool, v)
	case *ir.Node:
		if v.Type.DType == ir.Bool && len(v.Type.Shape) == 0 {
			return v
		}
	}
	t.fail(t.root, diag.TypeMismatch, u.When.At(), "use a comparison, such as step > 1000", "`when` must be a bool scalar, got %s", ir.Describe(v))
	return nil
}

// ofStep builds something that sees the number of this step, the epochs, and the losses of
// the updates so far.
func (t *training) ofStep(build func() any) any {
	values := map[string]any{"step": t.counter.Next}
	t.epochs(values, t.counter.Next)
	for _, u := range t.def.Losses() {
		switch n := t.plain[u]; {
		case t.minimized[u] != nil:
			values[u.LossName()] = t.minimized[u]
		case n != nil:
			values[u.LossName()] = n
		default:
			values[u.LossName()] = syntax.Bad{}
		}
	}
	for name, v := range values {
		if _, taken := t.root.values[name]; !taken {
			t.root.values[name] = v
			defer delete(t.root.values, name)
		}
	}
	return build()
}

// now is the value of a state as the updates so far leave it.
func now(s *ir.State) *ir.Node {
	if s.Next != nil {
		return s.Next
	}
	return s.Read
}

// write lets a step write a state, if that is due; what comes later in the step goes on
// from the new value.
func (t *training) write(s *ir.State, v, due *ir.Node) {
	if due != nil {
		v = t.Apply(ir.LookupOp("where"), due, v, now(s))
	}
	s.Next = v
	t.written = append(t.written, s)
}

// view is what an update sees of the model: computed from the states as earlier updates of
// the step have left them. A nil one sees them as they were before the step.
type view struct {
	t    *training
	made map[*ir.Node]*ir.Node // by what they are before the step
}

// viewOf gives an update what it sees.
func (t *training) viewOf(u *syntax.Update) *view {
	if !u.SeesEarlier || len(t.written) == 0 {
		return nil
	}
	v := &view{t: t, made: map[*ir.Node]*ir.Node{}}
	for _, s := range t.written {
		// What the earlier update has computed isn't to be differentiated again.
		if s.Type.DType.IsFloat() {
			v.made[s.Read] = t.Apply(ir.LookupOp("detach"), s.Next)
		} else {
			v.made[s.Read] = s.Next
		}
	}
	return v
}

// read is a state as the update sees it.
func (v *view) read(s *ir.State) *ir.Node {
	if v != nil && v.made[s.Read] != nil {
		return v.made[s.Read]
	}
	return s.Read
}

// of computes a node from the states as the update sees them: what depends on one that was
// written is computed again, with the same random numbers, and all else is shared.
func (v *view) of(root *ir.Node) *ir.Node {
	if v == nil {
		return root
	}
	type frame struct {
		node *ir.Node
		next int
	}
	stack := []frame{{root, 0}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		n := f.node
		if f.next < len(n.Inputs) {
			in := n.Inputs[f.next]
			f.next++
			if v.made[in] == nil {
				stack = append(stack, frame{in, 0})
			}
			continue
		}
		stack = stack[:len(stack)-1]
		if v.made[n] == nil {
			v.made[n] = v.again(n)
		}
	}
	return v.made[root]
}

// again is a node of operands that are as the update sees them; itself if they are the same.
func (v *view) again(n *ir.Node) *ir.Node {
	inputs, same := make([]*ir.Node, len(n.Inputs)), true
	for i, in := range n.Inputs {
		inputs[i] = v.made[in]
		same = same && inputs[i] == in
	}
	if same {
		return n
	}
	return v.t.With(n, inputs)
}
