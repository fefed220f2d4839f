package edit

import (
	"slices"

	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// callsOf calls f for every call in a spec's own text; groups of parameters are
// none, since they take what they don't give from the optimizer.
func callsOf(def *syntax.Spec, f func(*expr.Call)) {
	for _, m := range append([]*syntax.Module{def.Model}, def.Library.Own...) {
		moduleCalls(m, f)
	}
	for _, src := range def.DataSources {
		if src.Body != nil {
			moduleCalls(src.Body, f)
		}
		if src.Transform != nil {
			moduleCalls(src.Transform, f)
		}
	}
	t := def.Train
	if t == nil {
		return
	}
	for _, u := range t.Updates {
		updateCalls(u, f)
	}
	eachCall(t.Until, f)
	for _, m := range allMetrics(t) {
		nodeCalls(m.Def, f)
	}
}

// updateCalls calls f for every call in an update.
func updateCalls(u *syntax.Update, f func(*expr.Call)) {
	for _, e := range []expr.Expr{u.Loss, u.Weight, u.Clip, u.When, u.Rate} {
		eachCall(e, f)
	}
	if u.Optimizer != nil {
		eachCall(u.Optimizer, f)
	}
	for _, a := range u.Assign {
		nodeCalls(a.Def, f)
	}
	for _, g := range u.Groups {
		switch {
		case g.Call == nil:
		case g.Own:
			eachCall(g.Call, f)
		default:
			for _, a := range g.Call.Named {
				eachCall(a.Value, f)
			}
		}
	}
}

// nodesOf calls f for the right sides of all nodes in a spec's own text. In a
// module what a node doesn't say depends on the node around it.
func nodesOf(def *syntax.Spec, f func(n *syntax.Node, inModule bool)) {
	each := func(items []*syntax.Item, inModule bool) {
		for _, it := range items {
			choices(it.Def, func(n *syntax.Node) { f(n, inModule) })
		}
	}
	for _, m := range def.Library.Own {
		each(m.Items, true)
	}
	each(def.Model.Items, false)
	for _, src := range def.DataSources {
		if src.Body != nil {
			each(src.Body.Items, false)
		}
		if src.Transform != nil {
			each(src.Transform.Items, false)
		}
	}
	if def.Train != nil {
		for _, u := range def.Train.Updates {
			for _, a := range u.Assign {
				choices(a.Def, func(n *syntax.Node) { f(n, false) })
			}
		}
	}
	for _, m := range allMetrics(def.Train) {
		choices(m.Def, func(n *syntax.Node) { f(n, false) })
	}
}

// choices calls f for a node and for those that it chooses between.
func choices(def *syntax.Node, f func(n *syntax.Node)) {
	if def == nil {
		return
	}
	f(def)
	choices(def.Then, f)
	choices(def.Else, f)
}

// allMetrics are those of training and of evaluation.
func allMetrics(t *syntax.Train) []*syntax.Metric {
	switch {
	case t == nil:
		return nil
	case t.Evaluation == nil:
		return t.Metrics
	}
	return append(slices.Clone(t.Metrics), t.Evaluation.Metrics...)
}

// moduleCalls calls f for every call in a module's text.
func moduleCalls(m *syntax.Module, f func(*expr.Call)) {
	for _, a := range m.Args {
		eachCall(a.Default, f)
	}
	for _, p := range m.Params {
		eachCall(p.Init, f)
	}
	for _, s := range m.States {
		eachCall(s.Init, f)
	}
	for _, it := range m.Items {
		nodeCalls(it.Def, f)
	}
	for _, o := range m.Outputs {
		eachCall(o.Value, f)
	}
}

func nodeCalls(def *syntax.Node, f func(*expr.Call)) {
	choices(def, func(n *syntax.Node) { eachCall(n.Value, f) })
}

// moduleOf is the module that a call names, or nil.
func moduleOf(call *expr.Call) *syntax.Module {
	if t, _ := call.Target.(*check.Target); t != nil {
		return t.Module
	}
	return nil
}

func eachCall(e expr.Expr, f func(*expr.Call)) {
	expr.Walk(e, func(e expr.Expr) bool {
		if call, ok := e.(*expr.Call); ok {
			f(call)
		}
		return true
	})
}
