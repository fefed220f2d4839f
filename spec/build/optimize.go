package build

import (
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/syntax"
)

// optimizing gives parameters their updates.
type optimizing struct {
	*training
	updates *ir.Node      // how often the optimizer has updated them, i64[]
	due     *ir.Node      // whether this step does, bool[]; nil: every step does
	target  *check.Target // the optimizer
	single  *arguments    // its arguments
	double  *arguments    // the same in f64, if a parameter is
}

// arguments are those of the optimizer and of the groups of parameters, computed from a
// step in f32, or in f64 as f64 parameters need it.
type arguments struct {
	step   *ir.Node
	common *frame
	groups map[*syntax.Group]*frame
}

// trained is a parameter that is trained, with its gradient, in f32 at least.
type trained struct {
	state *ir.State
	grad  *ir.Node
	group *syntax.Group // nil: of none
}

// optimize gives every trainable parameter its gradient and update.
func (t *training) optimize() {
	c := t.def.Optimizer
	if c == nil {
		return
	}
	o := &optimizing{training: t}
	if o.target, _ = c.Target.(*check.Target); o.target == nil {
		return
	}
	from := len(t.Graph.Nodes)
	t.Origin = t.def.At
	taken, next := t.taken(), t.counter.Next
	o.updates = t.updatesAfter(taken)
	if n := t.def.Accumulate; n > 1 {
		if taken != t.step {
			next = t.Apply(ir.LookupOp("add"), taken, 1)
		}
		o.due = t.Apply(ir.LookupOp("eq"), t.Apply(ir.LookupOp("remainder"), next, int(n)), 0)
	}
	t.own(from, "optimizer", "")
	if o.single = o.arguments(o.updates); o.single == nil || t.loss == nil {
		return
	}
	params := o.parameters()
	if slices.ContainsFunc(params, func(p *trained) bool { return p.state.Type.DType == ir.F64 }) {
		from := len(t.Graph.Nodes)
		t.Origin = t.def.At
		o.double = o.arguments(o.Cast(o.updates, ir.F64))
		t.own(from, "optimizer", "")
		if o.double == nil {
			return
		}
	}
	if !o.gradients(params) || !o.clip(params) || !o.showNorm(params) {
		return
	}
	for _, p := range params {
		if t.full || !o.update(p) {
			return
		}
	}
}

// updatesAfter is how often the optimizer has updated parameters after so many steps, of
// those that it counts.
func (t *training) updatesAfter(taken *ir.Node) *ir.Node {
	if n := t.def.Accumulate; n > 1 {
		return t.Apply(ir.LookupOp("floor_divide"), taken, int(n))
	}
	return taken
}

// of gives the arguments in the precision that a dtype needs.
func (o *optimizing) of(d ir.DType) *arguments {
	if d == ir.F64 {
		return o.double
	}
	return o.single
}

// scope is what the optimizer's arguments see.
func (o *optimizing) scope(step *ir.Node) *expander {
	f := newFrame(nil, "")
	f.stateless = "an optimizer argument"
	o.vars(f)
	f.values["step"] = step
	o.epochs(f.values, o.step)
	if step.Type.DType == ir.F64 { // of f64 parameters
		for _, name := range []string{syntax.EpochName, syntax.EpochFraction} {
			if n, ok := f.values[name].(*ir.Node); ok {
				f.values[name] = o.Cast(n, ir.F64)
			}
		}
	}
	return &expander{graph: o.graph, f: f, to: o.Builder, path: "optimizer"}
}

// arguments evaluates the optimizer's arguments and those of the groups, which
// override them; nil if something is wrong with them.
func (o *optimizing) arguments(step *ir.Node) *arguments {
	from := len(o.Graph.Nodes)
	a := &arguments{step: step, common: newFrame(o.target.Module, "optimizer"), groups: map[*syntax.Group]*frame{}}
	ex := o.scope(step)
	if !o.evaluate(ex, o.target, a.common) || !ex.defaults(a.common, o.target.Args, o.def.Optimizer, false) {
		return nil
	}
	ok := true
	for _, g := range o.def.Groups {
		o.bound(a.common)
		args := newFrame(o.target.Module, "optimizer")
		maps.Copy(args.consts, a.common.consts)
		maps.Copy(args.values, a.common.values)
		if g.Call != nil {
			tg, _ := g.Call.Target.(*check.Target)
			ok = ok && tg != nil && o.evaluate(ex, tg, args)
		}
		a.groups[g] = args
	}
	o.own(from, "optimizer", "")
	if !ok {
		return nil
	}
	return a
}

// bound spends what a copy of the optimizer's arguments costs.
func (o *optimizing) bound(args *frame) {
	o.list.Budget.Spend(diag.Expanding, callCost+syntax.BindCost*(len(args.consts)+len(args.values)+o.target.Module.Size()))
}

func (o *optimizing) evaluate(ex *expander, tg *check.Target, args *frame) bool {
	ok := true
	for i, e := range tg.Args {
		ok = !syntax.IsBad(ex.moduleArgument(tg.Module, i, e, args)) && ok
	}
	return ok
}

// parameters lists what is trained. Groups that match nothing are reported.
func (o *optimizing) parameters() []*trained {
	needed := ancestors(o.loss, nil)
	matched := map[*syntax.Group]bool{}
	patterns := make([]ir.Pattern, len(o.def.Groups))
	for i, g := range o.def.Groups {
		patterns[i] = ir.NewPattern(ir.PlainPath(g.Match))
	}
	var params []*trained
	var untrained []*ir.State
	for _, s := range o.Graph.States {
		if s.Kind != ir.ParamState {
			continue
		}
		p := &trained{state: s}
		frozen := o.frozen[s]
		for i, g := range o.def.Groups {
			o.list.Budget.At(g.At)
			o.list.Budget.Spend(diag.Matching, patterns[i].Cost(s.Name))
			if patterns[i].Match(s.Name) {
				matched[g] = true
				p.group, frozen = g, frozen || g.Frozen
				break
			}
		}
		if frozen {
			continue
		}
		if !needed[s.Read] {
			untrained = append(untrained, s)
			continue
		}
		params = append(params, p)
	}
	o.warnUntrained(untrained, len(params), needed)
	for _, g := range o.def.Groups {
		if !matched[g] {
			o.list.Add(diag.Diagnostic{Rule: diag.UnmatchedRule, Range: g.At,
				Message: "the group matches no parameters, or only those of earlier groups",
				Help:    "example names: h1.weight, h.0.weight; * matches any text"})
		}
	}
	return params
}

// gradients gives each parameter its gradient: of this step, or averaged over
// those since the last update.
func (o *optimizing) gradients(params []*trained) bool {
	for _, p := range params {
		s := p.state
		from := len(o.Graph.Nodes)
		o.Origin = s.Origin
		var err error
		if p.grad, err = o.Call(ir.GradOp, []any{o.loss, s.Read}); err != nil {
			o.fail(o.root, diag.InvalidArgument, o.def.Optimizer.At(), "", "the gradient of %s: %s", s.Name, err)
			return false
		}
		o.skip.grads = append(o.skip.grads, p.grad)
		made := len(o.Graph.Nodes)
		if o.due != nil && !o.accumulate(p) {
			return false
		}
		o.updating(made, s)
		o.own(from, o.join("optimizer", s.Name), s.Device)
	}
	return true
}

// updating marks the nodes made since from as part of a parameter's update: they
// belong where it lives.
func (o *optimizing) updating(from int, s *ir.State) {
	o.own(from, o.join("optimizer", s.Name), s.Device)
	for _, made := range o.Graph.Nodes[from:] {
		made.Update = true
	}
}

// accumulate sums a gradient up until the next update, in f32 at least.
func (o *optimizing) accumulate(p *trained) bool {
	wide := ir.Type{DType: p.grad.Type.DType.Wide(), Shape: p.grad.Type.Shape}
	f := newFrame(nil, "")
	f.device = p.state.Device
	sum, ok := o.newState(f, o.join(o.join("optimizer", p.state.Name), "grad"), ir.OptimState, wide, p.state.Origin)
	if !ok {
		return false
	}
	first := &expander{graph: o.graph, f: f, to: o.first.Builder}
	zero := first.filled(wide, 0.0)
	o.first.set(sum.Name, zero)
	total := o.Apply(ir.LookupOp("add"), sum.Read, o.Cast(p.grad, wide.DType))
	sum.Next = o.Apply(ir.LookupOp("where"), o.due, 0.0, total)
	p.grad = o.Apply(ir.LookupOp("div"), total, int(o.def.Accumulate))
	return true
}

// clip scales all gradients down so that their common norm is at most what the
// spec says, as torch.nn.utils.clip_grad_norm_ does.
func (o *optimizing) clip(params []*trained) bool {
	if o.def.Clip == nil || len(params) == 0 {
		return o.def.Clip == nil
	}
	at, wide := o.def.Clip.At(), widest(params)
	ex := o.scope(o.of(wide).step)
	ex.path, ex.f.stateless = "clip_grad_norm", "clip_grad_norm"
	from := len(o.Graph.Nodes)
	limit := ex.expand(o.def.Clip)
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
	norm := o.norm(params, wide)
	scale := o.Apply(ir.LookupOp("minimum"), o.Apply(ir.LookupOp("div"), limit, o.Apply(ir.LookupOp("add"), norm, 1e-6)), 1.0)
	scale = o.Cast(scale, wide)
	for _, p := range params {
		here := len(o.Graph.Nodes)
		p.grad = o.Cast(o.Apply(ir.LookupOp("mul"), o.Cast(p.grad, wide), scale), p.grad.Type.DType.Wide())
		o.updating(here, p.state)
	}
	o.own(from, "clip_grad_norm", "")
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

// norm is that of all gradients together, before they are clipped. It is computed once.
func (o *optimizing) norm(params []*trained, wide ir.DType) *ir.Node {
	if o.gradNorm != nil {
		return o.gradNorm
	}
	total := o.Scalar(wide, 0.0)
	for i, p := range params {
		here := len(o.Graph.Nodes)
		square := o.Apply(ir.LookupOp("sum"), o.Apply(ir.LookupOp("square"), o.Cast(p.grad, wide)))
		o.updating(here, p.state)
		if i == 0 {
			total = square
		} else {
			total = o.Apply(ir.LookupOp("add"), total, square)
		}
	}
	o.gradNorm = o.Apply(ir.LookupOp("sqrt"), total)
	o.nameNode(o.gradNorm, "grad_norm", "")
	return o.gradNorm
}

// showNorm lets metrics see the norm of the gradients: with accumulate, that of the latest
// update, 0 before the first.
func (o *optimizing) showNorm(params []*trained) bool {
	if !o.def.UsesNorm {
		return true
	}
	from := len(o.Graph.Nodes)
	o.Origin = o.def.Optimizer.At()
	n := o.norm(params, widest(params))
	if o.due != nil {
		held, ok := o.newState(newFrame(nil, ""), "optimizer.grad_norm", ir.OptimState, n.Type, o.Origin)
		if !ok {
			return false
		}
		o.first.set(held.Name, o.first.Scalar(n.Type.DType, 0.0))
		held.Next = o.Apply(ir.LookupOp("where"), o.due, n, held.Read)
		n = held.Next
	}
	o.own(from, "grad_norm", "")
	o.root.values[syntax.GradNormName] = n
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

// update builds the update of one parameter.
func (o *optimizing) update(p *trained) bool {
	s := p.state
	c := o.def.Optimizer
	given := o.of(s.Type.DType)
	args := given.common
	if p.group != nil {
		args = given.groups[p.group]
	}
	o.bound(args)
	f := newFrame(o.target.Module, o.join("optimizer", s.Name))
	o.Graph.Put(f.path, s.Name)
	f.site, f.kind, f.commit, f.device = c.At(), ir.OptimState, true, s.Device
	f.caller = o.root
	maps.Copy(f.consts, args.consts)
	maps.Copy(f.values, args.values)
	o.builtIn(f)
	from, states := len(o.Graph.Nodes), len(o.Graph.States)
	o.Origin = s.Origin
	// f16 and bf16 are updated in f32, with states in f32, and rounded once.
	wide := s.Type.DType.Wide()
	f.values["param"], f.values["grad"], f.values["step"] = o.Cast(s.Read, wide), o.Cast(p.grad, wide), given.step
	f.initial["param"], f.initial["step"] = o.first.Cast(o.first.nodes[s.Name], wide), o.first.step
	ex := &expander{graph: o.graph, f: f, to: o.Builder, path: f.path}
	if !ex.moduleStates(f) {
		return false
	}
	o.runBody(f)
	ex.commitStates(f)
	v := f.nexts["param"]
	if v == nil {
		return false
	}
	n := ex.fit(v, s.Type, "the new value of param", c.At())
	if n == nil {
		return false
	}
	s.Next = n
	if o.due != nil { // between updates all stays as it is
		for _, st := range append(o.Graph.States[states:len(o.Graph.States):len(o.Graph.States)], s) {
			if st.Next != nil {
				st.Next = o.Apply(ir.LookupOp("where"), o.due, st.Next, st.Read)
			}
		}
	}
	o.updating(from, s)
	return true
}
