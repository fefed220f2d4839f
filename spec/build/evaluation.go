package build

import (
	"fmt"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// newEvaluation prepares the graph of an evaluation: the data of train.eval, the
// model with training false, the loss, and the metrics as outputs.
func newEvaluation(s *shared, p *Program) *training {
	d := *s.def.Train
	d.DataSource = d.Evaluation.DataSource
	g := newGraph(s, false)
	// Data drawn under another path are other data, from the same source too.
	return &training{graph: g, def: &d, program: p, root: newFrame(s.def.Model, ""), prefix: "eval"}
}

// evaluate builds it, beside the graph of a step.
func (t *training) evaluate(trained *graph) {
	t.Origin = t.def.Evaluation.At
	t.counter, _ = t.newState(t.root, ir.StepState, ir.CounterState, ir.Scalar(ir.I64), t.def.Evaluation.At)
	t.step = t.counter.Read
	fields := t.data()
	t.model(fields, map[string]any{})
	t.Graph.Outputs = nil
	t.lossNode(fields)
	e := *t.def.Loop.Evaluation
	e.Graph = t.Graph
	for _, m := range t.def.Evaluation.Metrics {
		name := ir.EvalPrefix + m.Name
		v := t.single(name, m.Def, ir.MetricState)
		if syntax.IsBad(v) {
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
			t.report(t.root, diag.Diagnostic{Rule: diag.ShapeMismatch, Range: t.def.Evaluation.At,
				Message: fmt.Sprintf("%s is %s with the evaluation data, but %s in training", s.Name, s.Type, old.Type),
				Notes:   []diag.Note{{Message: "declared here", Range: s.Origin}}})
		}
	}
	t.program.Loop.Evaluation = &e
}

// scalarMetric checks that a metric is a scalar; nil was reported.
func (t *training) scalarMetric(v any, m *syntax.Metric) *ir.Node {
	ex := &expander{graph: t.graph, f: t.root, to: t.Builder}
	n := ex.tensor(v, "the metric "+m.Name, m.Def.At)
	if n != nil && len(n.Type.Shape) != 0 {
		t.fail(t.root, diag.TypeMismatch, m.Def.At, "reduce it to a scalar, for example with mean(x)", "the metric %s must be a scalar, got %s", m.Name, n.Type)
		return nil
	}
	return n
}

// checkRenames reports targets of train.init.rename that are no parameters.
func checkRenames(renames []syntax.Rename, g *graph) {
	var known []string
	for _, s := range g.Graph.States {
		if s.Kind == ir.ParamState || s.Kind == ir.BufferState {
			known = append(known, s.Name)
		}
	}
	for _, r := range renames {
		if s := g.states[r.To]; s == nil || s.Kind != ir.ParamState && s.Kind != ir.BufferState {
			g.list.Add(diag.Diagnostic{Rule: diag.UnknownName, Range: r.At, Help: g.list.Suggestion(r.To, known),
				Message: fmt.Sprintf("the model has no parameter `%s`", diag.Cut(r.To))})
		}
	}
}
