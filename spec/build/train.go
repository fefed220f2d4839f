package build

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// training builds the graph of a step. Its field training is false for the graph
// of an evaluation, which has the same data, model and loss.
type training struct {
	*graph
	def     *syntax.Train
	program *Program
	root    *frame // names of the model, the data and the loss
	counter *ir.State
	// epochSteps is how many steps an epoch has; nil if nothing needs it.
	epochSteps *ir.State
	loss       *ir.Node                    // of the step: that of its update, or the sum of all
	plain      map[*syntax.Update]*ir.Node // losses computed from the states before the step
	apart      map[*syntax.Update][]*part  // their parts, if gradients are accumulated
	minimized  map[*syntax.Update]*ir.Node // the same as the updates see them
	latest     map[*syntax.Update]*ir.Node // and as they were when the updates last had their turn
	copies     map[*syntax.Copying][]pair  // what entries of copy stand for
	written    []*ir.State                 // by the updates so far, in their order
	updated    *ir.Node                    // whether any optimizer updates in this step, bool[]; nil: as always without accumulate
	listed     int                         // updates whose parameters are known
	heldBack   map[*ir.State]bool          // parameters that a group freezes
	size       int64                       // the number of examples in a batch; 0: what the data source says
	examplesIn map[*ir.Node]int            // the dim of the examples of generated and replayed fields; -1: not known
	skip       skipping
	scaling    scaling
}

// build builds all of it; types gets the types of the model's inputs.
func (t *training) build(types map[string]any) {
	t.Origin = t.def.At
	t.counter, _ = t.newState(t.root, ir.StepState, ir.CounterState, ir.Scalar(ir.I64), t.def.At)
	t.counter.Next = t.Apply(ir.LookupOp("add"), t.counter.Read, 1)
	t.step = t.counter.Read
	t.first.set(ir.StepState, t.first.Scalar(ir.I64, 0))
	if t.def.UsesEpoch {
		t.epochSteps, _ = t.newState(t.root, ir.EpochStepsState, ir.InputState, ir.Scalar(ir.I64), t.def.At)
	}

	t.startSkipping()
	if with := t.def.Losses(); len(with) > 0 {
		t.program.Loss = with[0].Loss.At()
	}
	fields := t.data()
	t.model(fields, types)
	t.findExamples(fields)
	t.startScaling()
	t.losses(fields)
	values := map[string]any{}
	if !t.def.Named() {
		t.keepLoss()
	}
	t.unknownYet()
	t.metrics(values, false)
	t.update()
	t.averages()
	if t.def.Named() {
		t.sumLosses()
	}
	t.metrics(values, true)
	goals := t.until(values)
	t.lower()
	t.leaveOut()
	t.program.Loop = t.def.Loop
	t.program.Loop.Goals = goals
	t.program.Loop.ScalesLoss = t.scaling.scale != nil
}

// data builds the fields of the data source.
func (t *training) data() map[string]any {
	src := t.def.DataSource
	switch {
	case src == nil:
		return nil
	case src.Body != nil:
		f := newFrame(src.Body, t.dataPath)
		f.stateless = "a data source"
		t.vars(f)
		t.runBody(f)
		ex := &expander{graph: t.graph, f: f, to: t.Builder}
		for name, v := range f.values {
			if n := ex.tensor(v, "the field "+name, src.At); n != nil {
				f.values[name] = n
			}
		}
		return f.values
	}
	return t.file(src)
}

// model binds the model's inputs to the fields, and builds its nodes.
func (t *training) model(fields map[string]any, types map[string]any) {
	f := t.root
	t.vars(f)
	f.commit = t.training
	for _, in := range t.graph.def.Model.Inputs {
		f.values[in.Name] = syntax.Bad{}
		types[in.Name] = syntax.Bad{}
		v, ok := fields[in.Name]
		if !ok {
			t.unbound(in, fields)
			continue
		}
		n, ok := v.(*ir.Node)
		if !ok || in.Type == nil {
			continue
		}
		if problem := t.matches(f, in.Type, n.Type); problem == reported {
			continue
		} else if problem != "" {
			d := diag.Diagnostic{Rule: diag.ShapeMismatch, Range: in.Type.At(),
				Message: fmt.Sprintf("the data field %s is %s, which doesn't match the input: %s", in.Name, n.Type, problem),
				Notes:   []diag.Note{{Message: "the field is declared here", Range: n.Origin}}}
			if !syntax.AcceptsDType(in.Type.DType, n.Type.DType) {
				d.Rule, d.Help = diag.TypeMismatch, fmt.Sprintf("use cast(…, %q) to convert it", in.Type.DType)
			} else if t.size > 0 { // the batch that the spec says matches
				d.Help = "give the dimension a name that is no var, so that it is the size of each batch, or leave smaller batches out: drop_last: true"
			}
			t.report(f, d)
			continue
		}
		f.values[in.Name], types[in.Name] = n, n.Type
	}
	t.modelBody(f)
}

func (t *training) unbound(in *syntax.Input, fields map[string]any) {
	if t.list.Full() {
		return
	}
	d := diag.Diagnostic{Rule: diag.UnboundInput, Range: in.At}
	switch src := t.def.DataSource; {
	case src == nil:
		d.Message = fmt.Sprintf("the input `%s` has no data because train.data is missing", in.Name)
		d.Help = "add `data: NAME` to train"
	case src.Open():
		return // what fields it has isn't known; reported
	default:
		names := slices.Collect(maps.Keys(fields))
		d.Message = fmt.Sprintf("the data source %s has no field `%s`", src.Name, in.Name)
		d.Help = cmp.Or(syntax.Suggestion(t.list, in.Name, names), syntax.ThereIs(names))
	}
	t.report(t.root, d)
}

// single builds a node of the training section, whose states are of a kind.
func (t *training) single(path string, def *syntax.Node, kind ir.StateKind) any {
	f := *t.root
	f.kind, f.gathers = kind, kind == ir.MetricState && !t.training
	ex := &expander{graph: t.graph, f: &f, to: t.Builder, path: path}
	from := len(t.Graph.Nodes)
	v := ex.node(def)
	if r, ok := v.(repeated); ok {
		v = r[len(r)-1]
	}
	t.own(from, path, "")
	return v
}

// keep makes a state of a metric: what it was in the last step. It is in f32, but for
// f64 and for tensors of integers, whose digits people want to see.
func (t *training) keep(name string, n *ir.Node, at diag.Range) *ir.Node {
	if d := n.Type.DType; d != ir.F64 && !(d.IsInt() && len(n.Type.Shape) > 0) {
		n = t.CastFor(n, ir.F32, "metrics are kept in f32")
	}
	t.remember(name, n, at)
	return n
}

// metrics builds the metrics, those that see the gradients' norm or the others, and adds
// what until sees of them to values.
func (t *training) metrics(values map[string]any, ofNorm bool) {
	if ofNorm && !t.def.UsesNorm {
		return
	}
	values["step"], values["loss_step"] = t.counter.Next, syntax.Bad{}
	from := len(t.Graph.Nodes)
	t.Origin = t.def.At
	t.epochs(values, t.counter.Next)
	t.own(from, "metrics", "")
	seen := []string{"step", syntax.EpochName, syntax.EpochFraction}
	for _, name := range seen {
		if _, taken := t.root.values[name]; !taken && values[name] != nil {
			t.root.values[name] = values[name]
			defer delete(t.root.values, name)
		}
	}
	if t.loss != nil && t.states[ir.LossState] != nil {
		values["loss_step"] = t.states[ir.LossState].Next
	}
	for _, m := range t.def.Metrics {
		if m.UsesNorm != ofNorm {
			continue
		}
		values[m.Name] = syntax.Bad{}
		name := ir.MetricPrefix + m.Name
		if n := t.metric(name, m); n != nil {
			values[m.Name] = t.keep(name, n, m.At)
			t.perExample(m, n)
		}
	}
	t.watched(func(metric string) string { return ir.MetricPrefix + metric })
}

// epochs puts the epochs after so many steps into values, if something needs them: an i64
// and an f32, which is exact to its last digits however many steps there were.
func (t *training) epochs(values map[string]any, step *ir.Node) {
	if t.epochSteps == nil {
		return
	}
	op := func(name string, args ...any) *ir.Node { return t.Apply(ir.LookupOp(name), args...) }
	steps := t.epochSteps.Read
	epoch := op("floor_divide", step, steps)
	part := op("div", t.CastFor(op("remainder", step, steps), ir.F32, "parts of an epoch are f32"), t.CastFor(steps, ir.F32, "parts of an epoch are f32"))
	values[syntax.EpochName], values[syntax.EpochFraction] = epoch, op("add", t.CastFor(epoch, ir.F32, "parts of an epoch are f32"), part)
}

// ancestors are a node and all that it depends on, without what only nodes of an end
// depend on.
func ancestors(n *ir.Node, end func(*ir.Node) bool) map[*ir.Node]bool {
	seen := map[*ir.Node]bool{n: true}
	stack := []*ir.Node{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if end != nil && end(n) {
			continue
		}
		for _, in := range n.Inputs {
			if !seen[in] {
				seen[in] = true
				stack = append(stack, in)
			}
		}
	}
	return seen
}

// until builds the stop condition over this step's metrics, and gives its goals.
func (t *training) until(metrics map[string]any) []ir.Goal {
	if t.def.Until == nil {
		return nil
	}
	f := newFrame(nil, "")
	f.stateless = "until"
	t.vars(f)
	f.values = metrics
	ex := &expander{graph: t.graph, f: f, to: t.Builder, path: "until"}
	from := len(t.Graph.Nodes)
	v := ex.expand(t.def.Until)
	if syntax.IsBad(v) {
		return nil
	}
	at := t.def.Until.At()
	t.Origin = at
	n, ok := v.(*ir.Node)
	if b, isBool := v.(bool); isBool {
		n, ok = t.Scalar(ir.Bool, b), true
	}
	if !ok || n.Type.DType != ir.Bool || len(n.Type.Shape) != 0 {
		t.fail(t.root, diag.TypeMismatch, at, "use a comparison, such as accuracy >= 0.99", "until must be a bool scalar, got %s", ir.Describe(v))
		return nil
	}
	t.nameNode(n, "until", "")
	stopped, _ := t.newState(t.root, ir.StoppedState, ir.StopState, ir.Scalar(ir.Bool), at)
	stopped.Next = t.Apply(ir.LookupOp("logical_or"), stopped.Read, n)
	t.first.set(ir.StoppedState, t.first.Scalar(ir.Bool, false))
	t.own(from, "until", "")
	return t.goals(n, metrics)
}

// newEvaluation prepares the graph of an evaluation: the data of train.eval, the
// model with training false, the loss, and the metrics as outputs.
func newEvaluation(s *shared, p *Program) *training {
	d := *s.def.Train
	d.DataSource, d.Part = d.Evaluation.DataSource, d.Evaluation.Part
	g := newGraph(s, false)
	g.dataPath = "eval"
	// Data drawn under another path are other data, from the same source too.
	return &training{graph: g, def: &d, program: p, root: newFrame(s.def.Model, "")}
}

// evaluate builds it, beside the graph of a step.
func (t *training) evaluate(trained *graph) {
	t.Origin = t.def.Evaluation.At
	t.counter, _ = t.newState(t.root, ir.StepState, ir.CounterState, ir.Scalar(ir.I64), t.def.Evaluation.At)
	t.counter.Next = t.Apply(ir.LookupOp("add"), t.counter.Read, 1)
	t.step = t.counter.Read
	fields := t.data()
	t.model(fields, map[string]any{})
	t.Graph.Outputs = nil
	t.losses(fields)
	e := *t.def.Loop.Evaluation
	e.Graph = t.Graph
	for _, m := range t.def.Evaluation.Metrics {
		name := ir.EvalPrefix + m.Name
		n := t.metric(name, m)
		if n == nil {
			continue
		}
		t.remember(name, n, m.At)
		e.Metrics = append(e.Metrics, name)
		if t.final(m, n) {
			e.Final = append(e.Final, name)
		} else {
			t.perExample(m, n)
		}
	}
	t.watched(func(metric string) string { return metric })
	t.lower()
	for _, s := range t.Graph.States {
		if old := trained.states[s.Name]; old != nil && !old.Type.Equal(s.Type) {
			t.report(t.root, diag.Diagnostic{Rule: diag.ShapeMismatch, Range: t.def.Evaluation.At,
				Message: fmt.Sprintf("%s is %s with the evaluation data, but %s in training", s.Name, s.Type, old.Type),
				Notes:   []diag.Note{{Message: "declared here", Range: s.Origin}}})
		}
	}
	t.program.Loop.Evaluation = &e
}

// metric builds a metric; nil was reported.
func (t *training) metric(name string, m *syntax.Metric) *ir.Node {
	v := t.single(name, m.Def, ir.MetricState)
	if syntax.IsBad(v) {
		return nil
	}
	ex := &expander{graph: t.graph, f: t.root, to: t.Builder}
	return ex.tensor(v, "the metric "+m.Name, m.Def.At)
}
