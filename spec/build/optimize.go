package build

import (
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// optimizing gives parameters their updates: those of one of train.updates with a loss.
type optimizing struct {
	*training
	u      *syntax.Update
	prefix string // of the paths of what the optimizer has: "optimizer", or "optimizer.NAME"
	turn   turn
	view   *view    // what its loss sees of earlier updates
	parts  []*part  // of the loss that it minimizes
	norm   *ir.Node // of all gradients together, once something needs it

	updates *ir.Node   // how often the optimizer has updated them, i64[]
	due     *ir.Node   // whether this step does, bool[]; nil: every step does
	single  *arguments // the optimizers' arguments
	double  *arguments // the same in f64, if a parameter is
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

// newOptimizing begins an update with a loss; nil if its optimizer was refused.
func (t *training) newOptimizing(u *syntax.Update) *optimizing {
	if u.Optimizer == nil || optimizerOf(u.Optimizer) == nil {
		return nil
	}
	o := &optimizing{training: t, u: u, prefix: "optimizer"}
	if u.Name != "" {
		o.prefix = join(o.prefix, u.Name)
	}
	return o
}

// optimizerOf is what an optimizer's call means; nil if that was reported.
func optimizerOf(c *expr.Call) *check.Target {
	target, _ := c.Target.(*check.Target)
	return target
}

// optimize gives every parameter that the update trains its gradient and its next value. It
// gives whether that is due in this step; nil: in every step.
func (t *training) optimize(u *syntax.Update) *ir.Node {
	o := t.newOptimizing(u)
	if o == nil {
		return nil
	}
	from := len(t.Graph.Nodes)
	t.Origin = u.At
	o.turn = t.turnOf(u)
	o.count()
	t.own(from, o.prefix, "")
	if o.single = o.arguments(o.updates); o.single == nil || t.plain[u] == nil {
		return nil
	}
	o.view = t.viewOf(u)
	t.minimized[u] = o.view.of(t.plain[u])
	if !o.showLoss() {
		return nil
	}
	if o.parts = t.apart[u]; o.parts == nil {
		o.parts = []*part{{loss: t.plain[u], name: "grad"}}
	}
	params := o.parameters()
	if slices.ContainsFunc(params, func(p *trained) bool { return p.state.Type.DType == ir.F64 }) {
		from := len(t.Graph.Nodes)
		t.Origin = u.At
		o.double = o.arguments(o.Cast(o.updates, ir.F64))
		t.own(from, o.prefix, "")
		if o.double == nil {
			return nil
		}
	}
	grads := len(o.skip.grads)
	if !o.gradients(params) {
		return nil
	}
	o.unlessOverflow(o.skip.grads[grads:])
	if !o.clip(params) || !o.showNorm(params) {
		return nil
	}
	for _, p := range params {
		if t.full || !o.update(p) {
			return nil
		}
	}
	return o.due
}

// count finds out how often the optimizer has updated parameters, and whether it does in
// this step: in every accumulate-th of its turns.
func (o *optimizing) count() {
	n := o.u.Accumulate
	o.updates, o.due = o.turn.before, o.turn.now
	if n > 1 {
		o.updates = o.Apply(ir.LookupOp("floor_divide"), o.turn.before, int(n))
		last := o.Apply(ir.LookupOp("eq"), o.Apply(ir.LookupOp("remainder"), o.turn.after, int(n)), 0)
		if o.due = last; o.turn.now != nil {
			o.due = o.Apply(ir.LookupOp("logical_and"), o.turn.now, last)
		}
	}
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
	return &expander{graph: o.graph, f: f, to: o.Builder, path: o.prefix}
}

// arguments evaluates the optimizer's arguments and those of the groups, which
// override them; nil if something is wrong with them.
func (o *optimizing) arguments(step *ir.Node) *arguments {
	from := len(o.Graph.Nodes)
	ex := o.scope(step)
	a := &arguments{step: step, groups: map[*syntax.Group]*frame{}}
	if a.common = o.ownArguments(ex, o.u.Optimizer); a.common == nil {
		return nil
	}
	ok := true
	for _, g := range o.u.Groups {
		switch {
		case g.Own && g.Call != nil:
			a.groups[g] = o.ownArguments(ex, g.Call)
			ok = ok && a.groups[g] != nil
		case !g.Own:
			o.bound(a.common)
			args := newFrame(a.common.mod, o.prefix)
			maps.Copy(args.consts, a.common.consts)
			maps.Copy(args.values, a.common.values)
			if g.Call != nil {
				tg := optimizerOf(g.Call)
				ok = ok && tg != nil && o.evaluate(ex, tg, args)
			}
			a.groups[g] = args
		}
	}
	o.own(from, o.prefix, "")
	if !ok {
		return nil
	}
	return a
}

// ownArguments evaluates the arguments of an optimizer's call; nil if something is wrong.
func (o *optimizing) ownArguments(ex *expander, c *expr.Call) *frame {
	target := optimizerOf(c)
	if target == nil {
		return nil
	}
	args := newFrame(target.Module, o.prefix)
	if !o.evaluate(ex, target, args) || !ex.defaults(args, target.Args, c, false) {
		return nil
	}
	return args
}

// bound spends what a copy of the optimizer's arguments costs.
func (o *optimizing) bound(args *frame) {
	o.list.Budget.Spend(diag.Expanding, callCost+syntax.BindCost*(len(args.consts)+len(args.values)+args.mod.Size()))
}

func (o *optimizing) evaluate(ex *expander, tg *check.Target, args *frame) bool {
	ok := true
	for i, e := range tg.Args {
		ok = !syntax.IsBad(ex.moduleArgument(tg.Module, i, e, args)) && ok
	}
	return ok
}

// gradients gives each parameter its gradient: of this step, or of all batches since the
// last update.
func (o *optimizing) gradients(params []*trained) bool {
	if !o.startParts() {
		return false
	}
	scaled := make([]*ir.Node, len(o.parts))
	for i, part := range o.parts {
		scaled[i] = o.scaled(part.loss)
	}
	for _, p := range params {
		s := p.state
		from := len(o.Graph.Nodes)
		o.Origin = s.Origin
		path := o.join(o.prefix, s.Name)
		for i, part := range o.parts {
			x := o.view.read(s)
			if !part.needs[x] {
				continue
			}
			grad, err := o.Call(ir.GradOp, []any{scaled[i], x})
			if err != nil {
				o.fail(o.root, diag.InvalidArgument, o.u.Optimizer.At(), "", "the gradient of %s: %s", s.Name, err)
				return false
			}
			o.skip.grads = append(o.skip.grads, gradient{grad, o.turn.now})
			made := len(o.Graph.Nodes)
			grad = o.unscaled(grad)
			if o.u.Accumulate > 1 {
				var ok bool
				if grad, ok = o.accumulate(p, part, grad); !ok {
					return false
				}
			}
			if p.grad != nil {
				grad = o.Apply(ir.LookupOp("add"), p.grad, grad)
			}
			p.grad = grad
			o.updating(made, s, path)
		}
		o.own(from, path, s.Device)
	}
	return true
}

// updating marks the nodes made since from as part of a state's update, which is at a path:
// they belong where the state lives.
func (t *training) updating(from int, s *ir.State, path string) {
	t.own(from, path, s.Device)
	for _, made := range t.Graph.Nodes[from:] {
		made.Update = true
	}
}

// update builds the update of one parameter.
func (o *optimizing) update(p *trained) bool {
	s := p.state
	c := o.u.Optimizer
	given := o.of(s.Type.DType)
	args := given.common
	if p.group != nil {
		if args = given.groups[p.group]; p.group.Own {
			c = p.group.Call
		}
	}
	if args == nil {
		return false // reported
	}
	o.bound(args)
	if o.first.nodes[s.Name] == nil {
		return false // its initial value was reported
	}
	f := newFrame(args.mod, o.join(o.prefix, s.Name))
	o.Graph.Put(f.path, s.Name)
	f.site, f.kind, f.commit, f.device = c.At(), ir.OptimState, true, s.Device
	f.caller = o.root
	f.consts["shape"] = sizesOf(s.Type.Shape)
	maps.Copy(f.consts, args.consts)
	maps.Copy(f.values, args.values)
	o.builtIn(f)
	from, states := len(o.Graph.Nodes), len(o.Graph.States)
	o.Origin = s.Origin
	// f16 and bf16 are updated in f32, with states in f32, and rounded once.
	wide := s.Type.DType.Wide()
	f.values["param"], f.values["grad"], f.values["step"] = o.CastFor(now(s), wide, "optimizers compute in f32"), o.CastFor(p.grad, wide, "optimizers compute in f32"), given.step
	f.initial["param"], f.initial["step"] = o.first.Cast(o.first.nodes[s.Name], wide), o.first.step
	ex := &expander{graph: o.graph, f: f, to: o.Builder, path: f.path}
	if !ex.required(f, c, nil, " for the parameter "+s.Name) || !ex.moduleStates(f) {
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
	o.write(s, n, o.due)
	if o.due != nil { // between updates all stays as it is
		for _, st := range o.Graph.States[states:] {
			if st.Next != nil {
				st.Next = o.Apply(ir.LookupOp("where"), o.due, st.Next, st.Read)
			}
		}
	}
	o.updating(from, s, f.path)
	return true
}

// sizesOf is a shape as expressions have it.
func sizesOf(shape ir.Shape) []any {
	sizes := make([]any, len(shape))
	for i, n := range shape {
		sizes[i] = n
	}
	return sizes
}
