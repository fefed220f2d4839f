package build

import (
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/syntax"
)

// rateName is the optimizers' argument that is a run's learning rate.
const rateName = "lr"

// newSchedule builds the graph of the learning rate alone, for people and logs: its inputs
// are the step counter before a step and, if it needs them, how many steps were skipped, as
// the optimizer doesn't count these, and the steps of an epoch; its outputs the rate in that step, "lr", and of each group of parameters with one of its own,
// "lr[PATTERN]". It is nil if the optimizer has no learning rate. Numbers are in f64,
// so that 0.1 reads so, unless the spec's expression has no meaning in it.
func newSchedule(s *shared, p *Program) *ir.Graph {
	if s.def.Train == nil || s.def.Train.Optimizer == nil {
		return nil
	}
	for _, d := range []ir.DType{ir.F64, ir.F32} {
		quiet := *s
		quiet.taken, quiet.uses, quiet.list = nil, varUses{}, &diag.List{Budget: s.list.Budget}
		if g := quiet.schedule(p, d); g != nil && !quiet.list.HasErrors() {
			return g
		}
	}
	return nil
}

func (s *shared) schedule(p *Program, d ir.DType) *ir.Graph {
	g := newGraph(s, true)
	o := &optimizing{training: &training{graph: g, def: s.def.Train, program: p, root: newFrame(s.def.Model, "")}}
	if o.target, _ = s.def.Train.Optimizer.Target.(*check.Target); o.target == nil {
		return nil
	}
	o.counter, _ = g.newState(o.root, ir.StepState, ir.InputState, ir.Scalar(ir.I64), o.def.At)
	o.step = o.counter.Read
	if o.def.UsesEpoch {
		o.epochSteps, _ = g.newState(o.root, ir.EpochStepsState, ir.InputState, ir.Scalar(ir.I64), o.def.At)
	}
	if o.def.Loop.OnNonFinite == ir.SkipNonFinite {
		o.skip.skipped, _ = g.newState(o.root, ir.SkippedState, ir.InputState, ir.Scalar(ir.I64), o.def.At)
	}
	updates := o.updatesAfter(o.taken())
	if d == ir.F64 {
		updates = o.Cast(updates, d)
	}
	a := o.arguments(updates)
	if a == nil {
		return nil
	}
	common := rate(a.common)
	o.output(rateName, common, d)
	for _, group := range o.def.Groups {
		if args := a.groups[group]; args != nil && group.Call != nil && !group.Frozen && rate(args) != common {
			o.output(rateName+"["+group.Match+"]", rate(args), d)
		}
	}
	if len(g.Graph.Outputs) == 0 || g.Graph.Sort() != nil {
		return nil
	}
	return g.Graph
}

// rate is the learning rate among arguments: a number or a node; nil if there is none.
func rate(args *frame) any {
	for _, all := range []map[string]any{args.values, args.consts} {
		switch v := all[rateName].(type) {
		case *ir.Node, int, float64:
			return v
		}
	}
	return nil
}

func (o *optimizing) output(name string, v any, d ir.DType) {
	n, isNode := v.(*ir.Node)
	switch {
	case v == nil, isNode && len(n.Type.Shape) > 0, strings.ContainsAny(name, "\n\r"):
		return
	case !isNode:
		n = o.Scalar(d, v)
	}
	o.Graph.Outputs = append(o.Graph.Outputs, ir.Output{Name: name, Node: o.Cast(n, d)})
}

// goals are what until waits for: comparisons of metrics, or of the step counter, with
// numbers, all of which have to hold. They are nil where until is anything else.
func (t *training) goals(until *ir.Node, metrics map[string]any) []ir.Goal {
	switch until.Op.Name {
	case "logical_and":
		x, y := t.goals(until.Inputs[0], metrics), t.goals(until.Inputs[1], metrics)
		if x == nil || y == nil {
			return nil
		}
		return append(x, y...)
	case "ge", "gt", "le", "lt":
		above := until.Op.Name[0] == 'g'
		if g := t.goal(until.Inputs[0], until.Inputs[1], above, metrics); g != nil {
			return g
		}
		return t.goal(until.Inputs[1], until.Inputs[0], !above, metrics)
	}
	return nil
}

// goal is that of one comparison.
func (t *training) goal(metric, limit *ir.Node, above bool, metrics map[string]any) []ir.Goal {
	v, ok := number(limit)
	if !ok {
		return nil
	}
	name := t.metricOf(metric, metrics)
	for name == "" && metric.Op == ir.CastOp {
		metric = metric.Inputs[0]
		name = t.metricOf(metric, metrics)
	}
	if name == "" {
		return nil
	}
	return []ir.Goal{{Metric: name, Value: v, Above: above}}
}

// metricOf names the metric that a node is, or what else until sees; "" if it is none. Of
// several that are one node it is the first in the spec.
func (t *training) metricOf(n *ir.Node, metrics map[string]any) string {
	var names []string
	for _, m := range t.def.Metrics {
		names = append(names, m.Name)
	}
	for _, name := range append(names, "loss_step", "step", syntax.EpochName, syntax.EpochFraction) {
		if metrics[name] == any(n) {
			return name
		}
	}
	return ""
}

// number is the value of a node that is known before anything runs.
func number(n *ir.Node) (float64, bool) {
	for n.Op == ir.CastOp {
		n = n.Inputs[0]
	}
	if n.Op != ir.ConstOp || len(n.Type.Shape) > 0 || n.Type.DType == ir.Bool {
		return 0, false
	}
	return n.Attrs[0].(*ir.Tensor).Float(0), true
}
