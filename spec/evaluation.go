package spec

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// newEvaluation prepares the graph of an evaluation: the data of train.eval, the
// model with training false, the loss, and the metrics as outputs.
func newEvaluation(s *shared, p *Program) *training {
	d := *s.def.train
	d.source = d.eval.source
	g := newGraph(s, false)
	// Data drawn under another path are other data, from the same source too.
	return &training{graph: g, def: &d, program: p, root: newFrame(s.def.model, ""), prefix: "eval"}
}

// evaluate builds it, beside the graph of a step.
func (t *training) evaluate(trained *graph) {
	t.Origin = t.def.eval.at
	t.counter, _ = t.newState(t.root, ir.StepState, ir.CounterState, ir.Scalar(ir.I64), t.def.eval.at)
	t.step = t.counter.Read
	fields := t.data()
	t.model(fields, map[string]any{})
	t.Graph.Outputs = nil
	t.lossNode(fields)
	e := &Evaluation{Graph: t.Graph, Every: t.def.eval.every, Batches: t.def.eval.batches}
	for _, m := range t.def.eval.metrics {
		name := ir.EvalPrefix + m.name
		v := t.single(name, m.def, ir.MetricState)
		if isBad(v) {
			continue
		}
		n := t.scalarMetric(v, m)
		if n == nil {
			continue
		}
		t.Graph.Outputs = append(t.Graph.Outputs, ir.Output{Name: name, Node: n})
		e.Metrics = append(e.Metrics, name)
	}
	for _, s := range t.Graph.States {
		if old := trained.states[s.Name]; old != nil && !old.Type.Equal(s.Type) {
			t.report(t.root, diag.Diagnostic{Rule: diag.ShapeMismatch, Range: t.def.eval.at,
				Message: fmt.Sprintf("with these data %s is %s; in training it is %s", s.Name, s.Type, old.Type),
				Notes:   []diag.Note{{Message: s.Name, Range: s.Origin}}})
		}
	}
	t.program.Loop.Evaluation = e
}

// scalarMetric checks that a metric is a scalar; nil was reported.
func (t *training) scalarMetric(v any, m *metricDef) *ir.Node {
	ev := &eval{graph: t.graph, f: t.root, to: t.Builder}
	n := ev.tensor(v, "the metric "+m.name, m.def.at)
	if n != nil && len(n.Type.Shape) != 0 {
		t.fail(t.root, diag.TypeMismatch, m.def.at, "mean(x) makes a scalar of a tensor", "the metric %s must be a scalar, got %s", m.name, n.Type)
		return nil
	}
	return n
}

// loop says how to train.
func loop(t *trainDef) Loop {
	l := Loop{Until: t.until != nil, MaxSteps: t.maxSteps, LogEvery: t.logEvery}
	for _, m := range t.metrics {
		l.Metrics = append(l.Metrics, m.name)
	}
	if w := t.weights; w != nil {
		l.Weights = &Weights{File: w.file, Path: w.path, Rename: map[string]string{}, Origin: w.at}
		for _, r := range w.rename {
			l.Weights.Rename[r.from] = r.to
		}
	}
	if e := t.early; e != nil {
		l.EarlyStop = &EarlyStop{Watch: watch(e.watchDef), Patience: e.patience, MinDelta: e.minDelta}
	}
	if c := t.checkpoint; c != nil {
		l.Checkpoint = &Checkpoint{Every: c.every, Keep: c.keep, Dir: c.dir, Path: c.path}
		if c.best != nil {
			best := watch(*c.best)
			l.Checkpoint.Best = &best
		}
	}
	return l
}

func watch(w watchDef) Watch { return Watch{Metric: w.metric, Maximise: w.maximise} }

// checkRenames reports targets of train.init.rename that are no parameters.
func checkRenames(w *weightsDef, g *graph) {
	var known []string
	for _, s := range g.Graph.States {
		if s.Kind == ir.ParamState || s.Kind == ir.BufferState {
			known = append(known, s.Name)
		}
	}
	for _, r := range w.rename {
		if s := g.states[r.to]; s == nil || s.Kind != ir.ParamState && s.Kind != ir.BufferState {
			g.list.Add(diag.Diagnostic{Rule: diag.UnknownName, Range: r.at, Help: g.list.Suggestion(r.to, known),
				Message: fmt.Sprintf("the model has no parameter `%s`", diag.Cut(r.to))})
		}
	}
}
