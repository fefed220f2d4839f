package build

import "github.com/flowrun/flowrun/ir"

// Loss scaling: f16 has few small numbers, so gradients that pass through it are lost. Where
// a model computes in f16 (precision: f16), losses are multiplied by a scale before they are
// differentiated, and gradients divided by it, in f32. The scale is a power of 2, so neither
// rounds. A step whose gradients overflow is left out, and halves the scale; it is doubled
// after many steps without one, as torch.amp.GradScaler does it.
//
// A model that overflows in f16 has a loss and gradients that aren't finite; the next batch,
// or the next step of another, may not, so that too leaves out its step. What no scale helps
// against ends at the smallest one. A loss that isn't finite beside gradients that are has
// nothing to do with f16: the run does about it what it does without scaling.
const (
	firstScale   = 1 << 16
	scaleSteps   = 2000    // without an overflow, until the scale grows
	largestScale = 1 << 60 // where gradients are 0, it would grow without an end
)

// scaling is the scale of losses.
type scaling struct {
	scale  *ir.State // nil: losses aren't scaled
	steady *ir.State // steps since the scale has changed, i64[]
}

// startScaling adds the states of the scale if the model computes in f16.
func (t *training) startScaling() {
	if !t.computesIn(ir.F16) {
		return
	}
	f := newFrame(nil, "")
	t.scaling.scale, _ = t.newState(f, ir.LossScaleState, ir.OptimState, ir.Scalar(ir.F32), t.def.At)
	t.scaling.steady, _ = t.newState(f, ir.LossScaleState+"_steps", ir.OptimState, ir.Scalar(ir.I64), t.def.At)
	t.first.set(ir.LossScaleState, t.first.Scalar(ir.F32, float64(firstScale)))
	t.first.set(t.scaling.steady.Name, t.first.Scalar(ir.I64, 0))
	t.countSkipped(ir.MetricState)
}

// scaled is a loss as it is differentiated.
func (o *optimizing) scaled(loss *ir.Node) *ir.Node {
	if o.scaling.scale == nil {
		return loss
	}
	// In f32 at least: f16 has no number as large as the scale.
	loss = o.CastFor(loss, loss.Type.DType.Wide(), "losses are scaled in f32")
	n := o.Apply(ir.LookupOp("mul"), loss, o.Cast(o.scaling.scale.Read, loss.Type.DType))
	o.nameNode(n, o.u.LossName()+".scaled", "")
	return n
}

// unscaled is the gradient of a loss, from that of the scaled one.
func (o *optimizing) unscaled(grad *ir.Node) *ir.Node {
	if o.scaling.scale == nil {
		return grad
	}
	grad = o.CastFor(grad, grad.Type.DType.Wide(), "the scale is taken out of gradients in f32")
	return o.Apply(ir.LookupOp("div"), grad, o.Cast(o.scaling.scale.Read, grad.Type.DType))
}

// unlessOverflow lets an update whose gradients overflow write nothing, as later updates of
// the step would see it, and have losses that aren't finite, which is no matter of the scale.
func (o *optimizing) unlessOverflow(grads []gradient) {
	if o.scaling.scale == nil || len(o.def.Updates) < 2 {
		return
	}
	op := func(name string, args ...any) *ir.Node { return o.Apply(ir.LookupOp(name), args...) }
	from := len(o.Graph.Nodes)
	good := op("logical_or", o.finite(grads), op("le", o.scaling.scale.Read, ir.SmallestLossScale))
	if o.due == nil {
		o.due = good
	} else {
		o.due = op("logical_and", o.due, good)
	}
	o.own(from, o.prefix, "")
}

// forgive doesn't take a loss that isn't finite for the run's end if its step is left out.
func (t *training) forgive(taken *ir.Node) {
	if s := t.states[ir.NonFiniteState]; s != nil {
		s.Next = t.Apply(ir.LookupOp("where"), taken, s.Next, s.Read)
	}
}

// rescale gives the scale its next value. overflow is whether a gradient isn't finite.
func (t *training) rescale(overflow *ir.Node) {
	op := func(name string, args ...any) *ir.Node { return t.Apply(ir.LookupOp(name), args...) }
	s := t.scaling
	steady := op("add", s.steady.Read, 1)
	grows := op("ge", steady, scaleSteps)
	larger := op("where", grows, op("minimum", op("mul", s.scale.Read, 2.0), float64(largestScale)), s.scale.Read)
	s.scale.Next = op("where", overflow, op("maximum", op("mul", s.scale.Read, 0.5), ir.SmallestLossScale), larger)
	s.steady.Next = op("where", op("logical_or", overflow, grows), 0, steady)
}
