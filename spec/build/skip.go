package build

import "github.com/flowrun/flowrun/ir"

// skipping leaves out steps whose loss or gradients aren't finite.
type skipping struct {
	skipped *ir.State  // how many there were, before this step; nil: none is left out
	grads   []*ir.Node // as autodiff gives them: not averaged, not clipped
}

// startSkipping adds the state that counts them.
func (t *training) startSkipping() {
	if t.def.Loop.OnNonFinite != ir.SkipNonFinite || !t.training {
		return
	}
	t.skip.skipped, _ = t.newState(t.root, ir.SkippedState, ir.MetricState, ir.Scalar(ir.I64), t.def.At)
	t.first.set(ir.SkippedState, t.first.Scalar(ir.I64, 0))
}

// taken is how many steps before this one weren't left out.
func (t *training) taken() *ir.Node {
	if t.skip.skipped == nil {
		return t.step
	}
	return t.Apply(ir.LookupOp("sub"), t.step, t.skip.skipped.Read)
}

// leaveOut makes every state keep its value in a step whose loss or gradients aren't
// finite, but for the counter and what counts such steps. Whatever else the step has
// computed is dropped with it, so the run goes on as one that never had its batch.
func (t *training) leaveOut() {
	skipped := t.skip.skipped
	if skipped == nil || t.loss == nil || t.list.HasErrors() {
		return
	}
	from := len(t.Graph.Nodes)
	t.Origin = t.def.At
	good := t.Apply(ir.LookupOp("isfinite"), t.loss)
	for _, g := range t.skip.grads {
		good = t.Apply(ir.LookupOp("logical_and"), good, t.Apply(ir.LookupOp("all"), t.Apply(ir.LookupOp("isfinite"), g)))
	}
	skipped.Next = t.Apply(ir.LookupOp("where"), good, skipped.Read, t.Apply(ir.LookupOp("add"), skipped.Read, 1))
	t.own(from, ir.SkippedState, "")
	for _, s := range t.Graph.States {
		if s.Next == nil || s.Kind == ir.CounterState || s == skipped || s.Name == ir.NonFiniteState {
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
