package build

import "github.com/flowrun/flowrun/ir"

// skipping leaves out steps whose loss or gradients aren't finite.
type skipping struct {
	skipped *ir.State // how many there were, before this step; nil: none is left out
	grads   []gradient
}

// gradient is one as autodiff gives it: not averaged, not clipped.
type gradient struct {
	node *ir.Node
	due  *ir.Node // whether its update has its turn, bool[]; nil: in every step
}

// startSkipping adds the state that counts them.
func (t *training) startSkipping() {
	if t.def.Loop.OnNonFinite == ir.SkipNonFinite && t.training {
		t.countSkipped(ir.MetricState)
	}
}

// countSkipped adds the state that counts steps that are left out, unless there is one.
func (t *training) countSkipped(kind ir.StateKind) {
	if t.skip.skipped != nil {
		return
	}
	t.skip.skipped, _ = t.newState(t.root, ir.SkippedState, kind, ir.Scalar(ir.I64), t.def.At)
	t.first.set(ir.SkippedState, t.first.Scalar(ir.I64, 0))
}

// taken is how many steps before this one weren't left out.
func (t *training) taken() *ir.Node {
	if t.skip.skipped == nil {
		return t.step
	}
	return t.Apply(ir.LookupOp("sub"), t.step, t.skip.skipped.Read)
}

// leaveOut makes states keep their values in a step whose loss or gradients aren't finite.
//
// With on_nonfinite: skip these are all states but the counter and what counts such steps.
// Whatever else the step has computed is dropped with it, so the run goes on as one that
// never had its batch. Where losses are scaled, it is otherwise all that the model and its
// optimizers keep, in a step whose gradients aren't finite, as long as the scale can be
// smaller; metrics go on.
func (t *training) leaveOut() {
	skipped := t.skip.skipped
	if skipped == nil || t.loss == nil || t.list.HasErrors() {
		return
	}
	from := len(t.Graph.Nodes)
	t.Origin = t.def.At
	op := func(name string, args ...any) *ir.Node { return t.Apply(ir.LookupOp(name), args...) }
	all := t.def.Loop.OnNonFinite == ir.SkipNonFinite
	finite := t.finite(t.skip.grads)
	good := op("logical_and", op("isfinite", t.loss), finite)
	if s := t.scaling.scale; s != nil {
		t.rescale(op("logical_not", finite))
		if !all {
			good = op("logical_or", finite, op("le", s.Read, ir.SmallestLossScale))
			t.forgive(good)
		}
	}
	skipped.Next = t.Apply(ir.LookupOp("where"), good, skipped.Read, t.Apply(ir.LookupOp("add"), skipped.Read, 1))
	t.own(from, ir.SkippedState, "")
	for _, s := range t.Graph.States {
		if s.Next == nil || s.Kind == ir.CounterState || s == skipped || s.Name == ir.NonFiniteState || s == t.scaling.scale || s == t.scaling.steady {
			continue
		}
		if !all && s.Kind != ir.ParamState && s.Kind != ir.OptimState && s.Kind != ir.BufferState {
			continue
		}
		from := len(t.Graph.Nodes)
		t.Origin = s.Origin
		s.Next = t.Apply(ir.LookupOp("where"), good, s.Next, s.Read)
		t.own(from, s.Name, s.Device)
		for _, n := range t.Graph.Nodes[from:] {
			n.Update = s.Kind == ir.ParamState || s.Kind == ir.OptimState
		}
	}
}

// finite is whether all gradients are, but for those of updates that don't have their turn:
// what these have computed is dropped.
func (t *training) finite(grads []gradient) *ir.Node {
	op := func(name string, args ...any) *ir.Node { return t.Apply(ir.LookupOp(name), args...) }
	finite := t.Scalar(ir.Bool, true)
	for len(grads) > 0 {
		due, of := grads[0].due, t.Scalar(ir.Bool, true)
		for len(grads) > 0 && grads[0].due == due {
			of = op("logical_and", of, op("all", op("isfinite", grads[0].node)))
			grads = grads[1:]
		}
		if due != nil {
			of = op("logical_or", of, op("logical_not", due))
		}
		finite = op("logical_and", finite, of)
	}
	return finite
}
