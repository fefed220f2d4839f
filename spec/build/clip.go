package build

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// clip scales all gradients down so that their common norm is at most what the
// spec says, as torch.nn.utils.clip_grad_norm_ does.
func (o *optimizing) clip(params []*trained) bool {
	if o.u.Clip == nil || len(params) == 0 {
		return o.u.Clip == nil
	}
	at, wide := o.u.Clip.At(), widest(params)
	ex := o.scope(o.of(wide).step)
	ex.path, ex.f.stateless = o.u.ClipPath(), "clip_grad_norm"
	from := len(o.Graph.Nodes)
	limit := ex.expand(o.u.Clip)
	if syntax.IsBad(limit) {
		return false
	}
	o.Origin = at
	more, known := positive(limit)
	switch {
	case !isScalar(limit):
		o.fail(o.root, diag.InvalidArgument, at, "", "clip_grad_norm must be a scalar, got %s", ir.Describe(limit))
		return false
	case known && !more:
		o.fail(o.root, diag.InvalidArgument, at, "omit it to disable clipping", "clip_grad_norm must be positive, got %v", limit)
		return false
	}
	norm := o.gradNorm(params, wide)
	scale := o.Apply(ir.LookupOp("minimum"), o.Apply(ir.LookupOp("div"), limit, o.Apply(ir.LookupOp("add"), norm, 1e-6)), 1.0)
	scale = o.CastFor(scale, wide, "gradients are clipped in f32 at least")
	for _, p := range params {
		here := len(o.Graph.Nodes)
		p.grad = o.Cast(o.Apply(ir.LookupOp("mul"), o.CastFor(p.grad, wide, "gradients are clipped in f32 at least"), scale), p.grad.Type.DType.Wide())
		o.updating(here, p.state, o.join(o.prefix, p.state.Name))
	}
	o.own(from, o.u.ClipPath(), "")
	return true
}

// widest is the dtype in which gradients are summed together.
func widest(params []*trained) ir.DType {
	for _, p := range params {
		if p.grad.Type.DType == ir.F64 {
			return ir.F64
		}
	}
	return ir.F32
}

// gradNorm is the norm of all gradients together, before they are clipped. It is computed
// once.
func (o *optimizing) gradNorm(params []*trained, wide ir.DType) *ir.Node {
	if o.norm != nil {
		return o.norm
	}
	total := o.Scalar(wide, 0.0)
	for i, p := range params {
		here := len(o.Graph.Nodes)
		square := o.Apply(ir.LookupOp("sum"), o.Apply(ir.LookupOp("square"), o.CastFor(p.grad, wide, "norms of gradients are f32 at least")))
		o.updating(here, p.state, o.join(o.prefix, p.state.Name))
		if i == 0 {
			total = square
		} else {
			total = o.Apply(ir.LookupOp("add"), total, square)
		}
	}
	o.norm = o.Apply(ir.LookupOp("sqrt"), total)
	o.nameNode(o.norm, o.u.NormName(), "")
	return o.norm
}

// showNorm lets metrics see the norm of the gradients: with accumulate, that of the latest
// update, 0 before the first.
func (o *optimizing) showNorm(params []*trained) bool {
	if !o.u.UsesNorm {
		return true
	}
	from := len(o.Graph.Nodes)
	o.Origin = o.u.Optimizer.At()
	n := o.gradNorm(params, widest(params))
	if o.due != nil {
		held, ok := o.newState(newFrame(nil, ""), join(o.prefix, syntax.GradNormName), ir.OptimState, n.Type, o.Origin)
		if !ok {
			return false
		}
		o.first.set(held.Name, o.first.Scalar(n.Type.DType, 0.0))
		held.Next = o.Apply(ir.LookupOp("where"), o.due, n, held.Read)
		n = held.Next
	}
	o.own(from, o.u.NormName(), "")
	o.root.values[o.u.NormName()] = n
	return true
}

// positive reports whether a number is more than 0; known is false for a tensor.
func positive(v any) (yes, known bool) {
	switch v := v.(type) {
	case int:
		return v > 0, true
	case float64:
		return v > 0, true
	}
	return false, false
}
