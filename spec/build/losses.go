package build

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// losses builds what the updates minimize, from the states as they are before the step.
func (t *training) losses(fields map[string]any) {
	for name, v := range fields { // fields that aren't inputs
		if _, isInput := t.root.values[name]; !isInput {
			t.root.values[name] = v
		}
	}
	t.heldBack = map[*ir.State]bool{}
	t.apart = map[*syntax.Update][]*part{}
	t.plain, t.minimized, t.latest = map[*syntax.Update]*ir.Node{}, map[*syntax.Update]*ir.Node{}, map[*syntax.Update]*ir.Node{}
	for _, u := range t.def.Losses() {
		t.plain[u] = t.lossNode(u)
	}
	for _, u := range t.def.Updates { // what they are called, once all are built
		if _, taken := t.root.values[u.LossName()]; u.Name == "" || !t.training && u.Loss != nil && !taken {
			if t.root.values[u.LossName()] = any(syntax.Bad{}); t.plain[u] != nil {
				t.root.values[u.LossName()] = t.plain[u]
			}
		}
	}
}

// lossNode builds a loss; nil was reported.
func (t *training) lossNode(u *syntax.Update) *ir.Node {
	def := &syntax.Node{Value: u.Loss, At: u.Loss.At()}
	first := len(t.Graph.Nodes)
	v := t.single(u.LossName(), def, ir.BufferState)
	if syntax.IsBad(v) {
		return nil
	}
	n, ok := v.(*ir.Node)
	if !ok || len(n.Type.Shape) != 0 || !n.Type.DType.IsFloat() {
		t.fail(t.root, diag.TypeMismatch, def.At, "reduce it to a scalar, for example with mean(x)", "the loss must be a floating-point scalar, got %s", ir.Describe(v))
		return nil
	}
	if u.Accumulate > 1 && t.training {
		from := len(t.Graph.Nodes)
		t.Origin = def.At
		if t.apart[u], n = t.parts(u, n, first); n == nil {
			return nil
		}
		t.own(from, u.LossName(), "")
	}
	t.nameNode(n, u.LossName(), "")
	return n
}

// keepLoss keeps the loss of the step, and when it wasn't finite.
func (t *training) keepLoss() {
	for _, u := range t.def.Losses() {
		if t.loss = t.plain[u]; t.loss != nil {
			t.nonFinite(t.keep(ir.LossState, t.loss, u.Loss.At()), u.Loss.At())
		}
	}
}

// showLoss lets the run see the loss of an update as it was when the update last had its turn,
// 0 before the first time: in other steps the loss is no matter, and needn't be finite.
func (o *optimizing) showLoss() bool {
	n := o.minimized[o.u]
	if o.turn.now != nil {
		from := len(o.Graph.Nodes)
		o.Origin = o.u.Loss.At()
		n = o.CastFor(n, n.Type.DType.Wide(), "losses are summed in f32 at least")
		held, ok := o.newState(newFrame(nil, ""), join(o.prefix, "loss"), ir.OptimState, n.Type, o.Origin)
		if !ok {
			return false
		}
		o.first.set(held.Name, o.first.Scalar(n.Type.DType, 0.0))
		held.Next = o.Apply(ir.LookupOp("where"), o.turn.now, n, held.Read)
		n = held.Next
		o.own(from, o.prefix, "")
	}
	o.latest[o.u] = n
	return true
}

// sumLosses keeps the sum of what named updates have minimized as the loss of the step, and
// lets metrics see each. A spec without a loss has none.
func (t *training) sumLosses() {
	var sum *ir.Node
	from := len(t.Graph.Nodes)
	for _, u := range t.def.Losses() {
		n := t.latest[u]
		if n == nil {
			return // reported
		}
		if _, taken := t.root.values[u.LossName()]; !taken || syntax.IsBad(t.root.values[u.LossName()]) {
			t.root.values[u.LossName()] = n
		}
		t.Origin = u.Loss.At()
		if n = t.CastFor(n, n.Type.DType.Wide(), "losses are summed in f32 at least"); sum != nil {
			n = t.Apply(ir.LookupOp("add"), sum, n)
		}
		sum = n
	}
	t.own(from, "loss", "")
	if t.loss = sum; sum != nil {
		at := t.def.Losses()[0].Loss.At()
		t.nonFinite(t.keep(ir.LossState, sum, at), at)
	}
}

// unknownYet says of what metrics will see that it isn't known until there are gradients.
func (t *training) unknownYet() {
	for _, u := range t.def.Updates {
		if u.UsesNorm {
			t.root.values[u.NormName()] = syntax.Bad{}
		}
	}
}

// nonFinite keeps the first step whose loss was infinite or NaN; 0 until there is
// one. It is computed where the loss is, so that the host needn't look at each step.
func (t *training) nonFinite(loss *ir.Node, at diag.Range) {
	s, _ := t.newState(t.root, ir.NonFiniteState, ir.MetricState, ir.Scalar(ir.I64), at)
	good := t.Apply(ir.LookupOp("logical_or"), t.Apply(ir.LookupOp("isfinite"), loss), t.Apply(ir.LookupOp("ne"), s.Read, 0))
	s.Next = t.Apply(ir.LookupOp("where"), good, s.Read, t.counter.Next)
	t.first.set(ir.NonFiniteState, t.first.Scalar(ir.I64, 0))
}
