package build

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// rateName is the optimizers' argument that is a run's learning rate.
const rateName = "lr"

// newSchedule builds the graph of the learning rates alone, for people and logs: its inputs
// are the step counter before a step and, if it needs them, how many steps were skipped, as
// optimizers don't count these, and the steps of an epoch; its outputs the rate in that step,
// "lr", and of each group of parameters with one of its own, "lr[PATTERN]". Those of a named
// update are "lr.NAME" and "lr.NAME[PATTERN]". It is nil if no optimizer has a learning rate.
// Numbers are in f64, so that 0.1 reads so, unless the spec's expression has no meaning in it.
func newSchedule(s *shared, p *Program) *ir.Graph {
	if s.def.Train == nil {
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
	t := &training{graph: g, def: s.def.Train, program: p, root: newFrame(s.def.Model, "")}
	t.counter, _ = g.newState(t.root, ir.StepState, ir.InputState, ir.Scalar(ir.I64), t.def.At)
	t.step = t.counter.Read
	t.counter.Next = t.Apply(ir.LookupOp("add"), t.step, 1)
	if t.def.UsesEpoch {
		t.epochSteps, _ = g.newState(t.root, ir.EpochStepsState, ir.InputState, ir.Scalar(ir.I64), t.def.At)
	}
	if p.Loop.Skips() {
		t.countSkipped(ir.InputState)
	}
	for _, u := range t.def.Losses() {
		if o := t.newOptimizing(u); o == nil || !o.rates(d) {
			return nil
		}
	}
	t.counter.Next = nil
	if len(g.Graph.Outputs) == 0 || g.Graph.Sort() != nil {
		return nil
	}
	return g.Graph
}

// rates adds the learning rates of an update.
func (o *optimizing) rates(d ir.DType) bool {
	from := len(o.Graph.States)
	o.turn = o.turnOf(&syntax.Update{Every: o.u.Every, Accumulate: o.u.Accumulate})
	if o.u.When != nil { // how often that holds is known in the run alone
		unknown, _ := o.newState(o.root, join("optimizer", o.u.Name), ir.InputState, ir.Scalar(ir.I64), o.u.At)
		o.turn.before, o.turn.after = unknown.Read, unknown.Read
	}
	o.count()
	if d == ir.F64 {
		o.updates = o.Cast(o.updates, d)
	}
	a := o.arguments(o.updates)
	if a == nil {
		return false
	}
	name := rateName
	if o.u.Name != "" {
		name = join(name, o.u.Name)
	}
	unknown := o.Graph.States[from:]
	common := rate(a.common)
	o.output(name, common, d, unknown)
	for _, group := range o.u.Groups {
		if args := a.groups[group]; args != nil && group.Call != nil && !group.Frozen && rate(args) != common {
			o.output(name+"["+group.Match+"]", rate(args), d, unknown)
		}
	}
	o.Graph.States = o.Graph.States[:from]
	return true
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

// output adds a rate, unless it depends on a state whose value isn't known.
func (o *optimizing) output(name string, v any, d ir.DType, unknown []*ir.State) {
	n, isNode := v.(*ir.Node)
	switch {
	case v == nil, isNode && len(n.Type.Shape) > 0, strings.ContainsAny(name, "\n\r"):
		return
	case !isNode:
		n = o.Scalar(d, v)
	}
	needed := ancestors(n, nil)
	if slices.ContainsFunc(unknown, func(s *ir.State) bool { return needed[s.Read] }) {
		return
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
