package spec

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// training builds the graph of a step. Its field training is false for the graph
// of an evaluation, which has the same data, model and loss.
type training struct {
	*graph
	def     *trainDef
	program *Program
	root    *frame // names of the model, the data and the loss
	counter *ir.State
	loss    *ir.Node
	prefix  string // of the paths of generated data
}

func newTraining(g *graph, p *Program) *training {
	return &training{graph: g, def: g.def.train, program: p, root: newFrame(g.def.model, "")}
}

// build builds all of it; types gets the types of the model's inputs.
func (t *training) build(types map[string]any) {
	t.Origin = t.def.at
	t.counter, _ = t.newState(t.root, ir.StepState, ir.CounterState, ir.Scalar(ir.I64), t.def.at)
	t.counter.Next = t.Apply(ir.LookupOp("add"), t.counter.Read, 1)
	t.step = t.counter.Read
	t.first.set(ir.StepState, t.first.Scalar(ir.I64, 0))

	fields := t.data()
	t.model(fields, types)
	t.lossNode(fields)
	metrics := t.metrics()
	t.optimize()
	t.until(metrics)
	t.program.Loop = loop(t.def)
	if t.def.loss != nil {
		t.program.Loss = t.def.loss.At()
	}
}

// data builds the fields of the data source.
func (t *training) data() map[string]any {
	src := t.def.source
	switch {
	case src == nil:
		return nil
	case src.body != nil:
		f := newFrame(src.body, t.prefix)
		f.stateless = "a data source"
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
	public := Source{Name: src.name, Kind: "replay", File: src.file, Path: src.path, Origin: src.named}
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
	if !slices.ContainsFunc(t.program.Sources, func(s Source) bool { return s.Name == src.name }) {
		t.program.Sources = append(t.program.Sources, public)
	}
	return fields
}

// model binds the model's inputs to the fields, and builds its nodes.
func (t *training) model(fields map[string]any, types map[string]any) {
	f := t.root
	t.vars(f)
	f.commit = t.training
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
		if problem := t.matches(f, in.typ, n.Type); problem == reported {
			continue
		} else if problem != "" {
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
	if t.list.Full() {
		return
	}
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
		if d.Help = suggestion(t.list, in.name, names); d.Help == "" {
			d.Help = thereIs(names)
		}
		if body := t.def.source.body; body != nil && body.open {
			return // what fields it has isn't known; reported
		}
	}
	t.report(t.root, d)
}

// lossNode builds the loss, and the state that keeps it.
func (t *training) lossNode(fields map[string]any) {
	for name, v := range fields { // fields that aren't inputs
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
	if t.training {
		t.nonFinite(t.keep(ir.LossState, n, def.at), def.at)
	}
}

// nonFinite keeps the first step whose loss was infinite or NaN; 0 until there is
// one. It is computed where the loss is, so that nobody has to look at each step.
func (t *training) nonFinite(loss *ir.Node, at diag.Range) {
	s, _ := t.newState(t.root, ir.NonFiniteState, ir.MetricState, ir.Scalar(ir.I64), at)
	good := t.Apply(ir.LookupOp("logical_or"), t.Apply(ir.LookupOp("isfinite"), loss), t.Apply(ir.LookupOp("ne"), s.Read, 0))
	s.Next = t.Apply(ir.LookupOp("where"), good, s.Read, t.counter.Next)
	t.first.set(ir.NonFiniteState, t.first.Scalar(ir.I64, 0))
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
		values["loss_step"] = t.states[ir.LossState].Next
	}
	for _, m := range t.def.metrics {
		values[m.name] = bad{}
		name := ir.MetricPrefix + m.name
		v := t.single(name, m.def, ir.MetricState)
		if isBad(v) {
			continue
		}
		n := t.scalarMetric(v, m)
		if n == nil {
			continue
		}
		values[m.name] = t.keep(name, n, m.at)
	}
	return values
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
	f.stateless = "until"
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
	stopped, _ := t.newState(t.root, ir.StoppedState, ir.StopState, ir.Scalar(ir.Bool), at)
	stopped.Next = t.Apply(ir.LookupOp("logical_or"), stopped.Read, n)
	t.first.set(ir.StoppedState, t.first.Scalar(ir.Bool, false))
	t.own(from, "until", "")
}
