package spec

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
)

// training builds the graph of a step.
type training struct {
	*graph
	def     *trainDef
	program *Program
	root    *frame // names of the model, the data and the loss
	counter *ir.State
	loss    *ir.Node
}

func newTraining(g *graph, p *Program) *training {
	return &training{graph: g, def: g.def.train, program: p, root: newFrame(g.def.model, "")}
}

// build builds all of it; types gets the types of the model's inputs.
func (t *training) build(types map[string]any) {
	t.Origin = t.def.at
	t.counter, _ = t.newState(t.root, StepState, ir.CounterState, ir.Scalar(ir.I64), t.def.at)
	t.counter.Next = t.Apply(ir.LookupOp("add"), t.counter.Read, 1)
	t.step = t.counter.Read
	t.first.set(StepState, t.first.Scalar(ir.I64, 0))

	fields := t.data()
	t.model(fields, types)
	t.lossNode(fields)
	metrics := t.metrics()
	t.optimize()
	t.until(metrics)
	t.program.Loop = Loop{Metrics: t.metricNames(), Until: t.def.until != nil, MaxSteps: t.def.maxSteps, LogEvery: t.def.logEvery}
}

// data builds the fields of the data source.
func (t *training) data() map[string]any {
	src := t.def.source
	switch {
	case src == nil:
		return nil
	case src.body != nil:
		f := newFrame(src.body, "")
		t.vars(f)
		t.runBody(f)
		for name, v := range f.values {
			if isBad(v) {
				continue
			}
			ev := &eval{graph: t.graph, f: f, to: t.Builder}
			if n := ev.tensor(v, "the field "+name, src.at); n != nil {
				f.values[name] = n
			}
		}
		return f.values
	}
	return t.replay(src)
}

// replay builds the fields of a source that reads a file.
func (t *training) replay(src *sourceDef) map[string]any {
	f := newFrame(t.graph.def.model, "")
	t.vars(f)
	fields := map[string]any{}
	public := Source{Name: src.name, Kind: "replay", File: src.file, Path: src.path}
	for _, fd := range src.fields {
		fields[fd.name] = bad{}
		typ, ok := t.declared(f, &inputDef{fd.name, fd.at, fd.typ}).(ir.Type)
		if !ok {
			continue
		}
		from := len(t.Graph.Nodes)
		t.Origin = fd.at
		n, err := t.Call(ir.SourceOp, []any{t.step, src.name, fd.name, typ.DType, []int(typ.Shape)})
		if err != nil {
			t.fail(f, diag.InvalidArgument, fd.at, "", "the field %s: %s", fd.name, err)
			continue
		}
		t.own(from, fd.name, "")
		t.nameNode(n, fd.name, "")
		fields[fd.name] = n
		public.Fields = append(public.Fields, Field{Name: fd.name, Tensor: fd.tensor, Type: typ})
	}
	t.program.Sources = append(t.program.Sources, public)
	return fields
}

// model binds the model's inputs to the fields, and builds its nodes.
func (t *training) model(fields map[string]any, types map[string]any) {
	f := t.root
	t.vars(f)
	f.commit = true
	for _, in := range t.graph.def.model.inputs {
		f.values[in.name] = bad{}
		types[in.name] = bad{}
		v, ok := fields[in.name]
		if !ok {
			t.unbound(in, fields)
			continue
		}
		n, ok := v.(*ir.Node)
		if !ok || in.typ == nil {
			continue
		}
		if problem := t.matches(f, in.typ, n.Type); problem != "" {
			d := diag.Diagnostic{Rule: diag.ShapeMismatch, Range: in.typ.At(),
				Message: fmt.Sprintf("the data's field %s is %s, which doesn't fit the input: %s", in.name, n.Type, problem),
				Notes:   []diag.Note{{Message: "the field", Range: n.Origin}}}
			if !accepts(in.typ.DType, n.Type.DType) {
				d.Rule, d.Help = diag.TypeMismatch, fmt.Sprintf("cast(…, %q) converts it", in.typ.DType)
			}
			t.report(f, d)
			continue
		}
		f.values[in.name], types[in.name] = n, n.Type
	}
	t.modelBody(f)
}

func (t *training) unbound(in *inputDef, fields map[string]any) {
	d := diag.Diagnostic{Rule: diag.UnboundInput, Range: in.at}
	if t.def.source == nil {
		d.Message = fmt.Sprintf("nothing feeds the input %s: train has no data", in.name)
		d.Help = "add `data: NAME` to train"
	} else {
		var names []string
		for name := range fields {
			names = append(names, name)
		}
		d.Message = fmt.Sprintf("the data source %s has no field %s", t.def.source.name, in.name)
		d.Help = diag.Suggestion(in.name, names)
		if t.def.source.at == (diag.Range{}) {
			return // there is no such source; reported
		}
	}
	t.report(t.root, d)
}

// lossNode builds the loss, and the state that keeps it.
func (t *training) lossNode(fields map[string]any) {
	for name, v := range fields {
		if _, isInput := t.root.values[name]; !isInput {
			t.root.values[name] = v
		}
	}
	t.root.values["loss"] = bad{}
	if t.def.loss == nil {
		return
	}
	def := &nodeDef{value: t.def.loss, at: t.def.loss.At()}
	v := t.single("loss", def, ir.BufferState)
	if isBad(v) {
		return
	}
	n, ok := v.(*ir.Node)
	if !ok || len(n.Type.Shape) != 0 || !n.Type.DType.IsFloat() {
		t.fail(t.root, diag.TypeMismatch, def.at, "mean(x) makes a scalar of a tensor", "the loss must be a floating scalar, got %s", ir.Describe(v))
		return
	}
	t.nameNode(n, "loss", "")
	t.loss = n
	t.root.values["loss"] = n
	t.keep(LossState, n, def.at)
}

// single builds a node of the training section, whose states are of a kind.
func (t *training) single(path string, def *nodeDef, kind ir.StateKind) any {
	f := *t.root
	f.kind = kind
	ev := &eval{graph: t.graph, f: &f, to: t.Builder, path: path}
	from := len(t.Graph.Nodes)
	v := ev.node(def)
	if r, ok := v.(repeated); ok {
		v = r[len(r)-1]
	}
	t.own(from, path, "")
	return v
}

// keep makes a state of a scalar: what it was in the last step.
func (t *training) keep(name string, n *ir.Node, at diag.Range) *ir.Node {
	if n.Type.DType != ir.F64 {
		n = t.Cast(n, ir.F32)
	}
	s, _ := t.newState(t.root, name, ir.MetricState, n.Type, at)
	s.Next = n
	t.first.set(name, t.first.Scalar(n.Type.DType, 0.0))
	return n
}

// metrics builds the metrics, and gives what `until` sees of them.
func (t *training) metrics() map[string]any {
	values := map[string]any{"step": t.counter.Next, "loss_step": bad{}}
	if t.loss != nil {
		values["loss_step"] = t.states[LossState].Next
	}
	for _, m := range t.def.metrics {
		values[m.name] = bad{}
		name := MetricPrefix + m.name
		v := t.single(name, m.def, ir.MetricState)
		if isBad(v) {
			continue
		}
		ev := &eval{graph: t.graph, f: t.root, to: t.Builder}
		n := ev.tensor(v, "the metric "+m.name, m.def.at)
		if n == nil {
			continue
		}
		if len(n.Type.Shape) != 0 {
			t.fail(t.root, diag.TypeMismatch, m.def.at, "mean(x) makes a scalar of a tensor", "the metric %s must be a scalar, got %s", m.name, n.Type)
			continue
		}
		values[m.name] = t.keep(name, n, m.at)
	}
	return values
}

func (t *training) metricNames() []string {
	var names []string
	for _, m := range t.def.metrics {
		names = append(names, m.name)
	}
	return names
}

// optimize gives every trainable parameter its gradient and update.
func (t *training) optimize() {
	c := t.def.optimizer
	if c == nil {
		return
	}
	tg, _ := c.Target.(*target)
	if tg == nil {
		return
	}
	f := newFrame(nil, "")
	t.vars(f)
	f.values["step"] = t.step
	ev := &eval{graph: t.graph, f: f, to: t.Builder, path: "optimizer"}
	args := newFrame(tg.module, "optimizer")
	from := len(t.Graph.Nodes)
	for i, e := range tg.args {
		if v := ev.moduleArgument(tg.module, i, e, args); isBad(v) {
			return
		}
	}
	if !ev.defaults(args, tg.args) || t.loss == nil {
		return
	}
	t.own(from, "optimizer", "")
	needed := ancestors(t.loss)
	var trained []*ir.State
	for _, s := range t.Graph.States {
		if s.Kind != ir.ParamState || t.frozen[s] {
			continue
		}
		if !needed[s.Read] {
			t.report(t.root, diag.Diagnostic{Rule: diag.NoGradient, Range: s.Origin,
				Message: fmt.Sprintf("the loss doesn't depend on the parameter %s, so it isn't trained", s.Name)})
			continue
		}
		trained = append(trained, s)
	}
	for _, s := range trained {
		if t.full || !t.update(s, tg, args, c) {
			return
		}
	}
}

// update builds the update of one parameter.
func (t *training) update(s *ir.State, tg *target, args *frame, c *expr.Call) bool {
	f := newFrame(tg.module, "optimizer."+s.Name)
	f.site, f.kind, f.commit, f.device = c.At(), ir.OptimState, true, s.Device
	f.caller = t.root
	for name, v := range args.consts {
		f.consts[name] = v
	}
	for name, v := range args.values {
		f.values[name] = v
	}
	f.consts["training"] = true
	from := len(t.Graph.Nodes)
	t.Origin = s.Origin
	grad, err := t.Call(ir.GradOp, []any{t.loss, s.Read})
	if err != nil {
		t.fail(t.root, diag.InvalidArgument, c.At(), "", "the gradient of %s: %s", s.Name, err)
		return false
	}
	f.values["param"], f.values["grad"], f.values["step"] = s.Read, grad, t.step
	f.initial["param"], f.initial["step"] = t.first.nodes[s.Name], t.first.step
	ev := &eval{graph: t.graph, f: f, to: t.Builder, path: f.path}
	if !ev.moduleStates(f) {
		return false
	}
	t.runBody(f)
	ev.commitStates(f)
	t.own(from, f.path, s.Device)
	v := f.nexts["param"]
	if v == nil || isBad(v) {
		return false
	}
	n := ev.fit(v, s.Type, "the next value of param", c.At())
	if n == nil {
		return false
	}
	s.Next = n
	return true
}

// ancestors are a node and all that it depends on.
func ancestors(n *ir.Node) map[*ir.Node]bool {
	seen := map[*ir.Node]bool{n: true}
	stack := []*ir.Node{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, in := range n.Inputs {
			if !seen[in] {
				seen[in] = true
				stack = append(stack, in)
			}
		}
	}
	return seen
}

// until builds the stop condition over this step's metrics.
func (t *training) until(metrics map[string]any) {
	if t.def.until == nil {
		return
	}
	f := newFrame(nil, "")
	t.vars(f)
	f.values = metrics
	ev := &eval{graph: t.graph, f: f, to: t.Builder, path: "until"}
	from := len(t.Graph.Nodes)
	v := ev.eval(t.def.until)
	if isBad(v) {
		return
	}
	at := t.def.until.At()
	t.Origin = at
	n, ok := v.(*ir.Node)
	if b, isBool := v.(bool); isBool {
		n, ok = t.Scalar(ir.Bool, b), true
	}
	if !ok || n.Type.DType != ir.Bool || len(n.Type.Shape) != 0 {
		t.fail(t.root, diag.TypeMismatch, at, "compare something: accuracy >= 0.99", "until must be a condition, got %s", ir.Describe(v))
		return
	}
	t.nameNode(n, "until", "")
	stopped, _ := t.newState(t.root, StoppedState, ir.StopState, ir.Scalar(ir.Bool), at)
	stopped.Next = t.Apply(ir.LookupOp("logical_or"), stopped.Read, n)
	t.first.set(StoppedState, t.first.Scalar(ir.Bool, false))
	t.own(from, "until", "")
}
