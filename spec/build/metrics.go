package build

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// remember makes a state that a step sets to a value.
func (t *training) remember(name string, n *ir.Node, at diag.Range) {
	s, _ := t.newState(t.root, name, ir.MetricState, n.Type, at)
	s.Next = n
	first := &expander{graph: t.graph, to: t.first.Builder}
	if n.Type.DType == ir.Bool {
		t.first.set(name, first.filled(n.Type, false))
	} else {
		t.first.set(name, first.filled(n.Type, 0))
	}
}

// perExample warns of a metric whose first dimension is the batch's: that of all inputs.
func (t *training) perExample(m *syntax.Metric, metric *ir.Node) {
	if t.size > 0 || len(metric.Type.Shape) == 0 {
		return
	}
	size := 0
	for _, in := range t.graph.def.Model.Inputs {
		n, ok := t.root.values[in.Name].(*ir.Node)
		if !ok || len(n.Type.Shape) == 0 || size != 0 && n.Type.Shape[0] != size {
			return
		}
		size = n.Type.Shape[0]
	}
	if size > 1 && metric.Type.Shape[0] == size {
		t.fail(t.root, diag.BatchMetric, m.Def.At, "mean(x) makes one number of them",
			"the metric %s is %s: it has a value for each of the %d examples of the batch", m.Name, metric.Type, size)
	}
}

// final reports whether a metric is computed from what an evaluation has gathered, and
// not from one batch. A metric of both is a problem: which batch's share it has would be
// chance.
func (t *training) final(m *syntax.Metric, metric *ir.Node) bool {
	gathered := map[*ir.Node]bool{}
	for _, s := range t.Graph.States {
		if s.Kind == ir.AccumulatorState {
			gathered[s.Read], gathered[s.Next] = true, true
		}
	}
	final := false
	needed := ancestors(metric, func(n *ir.Node) bool {
		final = final || gathered[n]
		return gathered[n]
	})
	if final && needed[t.counter.Read] {
		t.fail(t.root, diag.InvalidOperation, m.Def.At, "make two metrics of it, or sum the values of all batches with total(x)",
			"the metric %s combines a value of the whole evaluation with one of its last batch", m.Name)
	}
	return final
}

// watched reports metrics of this graph that early_stop or checkpoint.best names and that
// aren't scalars. state gives the name of a metric's state.
func (t *training) watched(state func(metric string) string) {
	check := func(w *ir.Watch, what string) {
		if w == nil {
			return
		}
		if s := t.states[state(w.Metric)]; s != nil && s.Kind == ir.MetricState && len(s.Type.Shape) > 0 {
			t.fail(t.root, diag.TypeMismatch, w.Origin, "name a metric that is a scalar, such as its mean(x)", "%s requires a scalar, but the metric %s is %s", what, w.Metric, s.Type)
		}
	}
	if e := t.def.Loop.EarlyStop; e != nil {
		check(&e.Watch, "early_stop")
	}
	if c := t.def.Loop.Checkpoint; c != nil {
		check(c.Best, "checkpoint.best")
	}
}
