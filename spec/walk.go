package spec

import (
	"slices"

	"github.com/flowrun/flowrun/spec/expr"
)

// callsOf calls f for every call in a spec's own text; groups of parameters are
// none, since they take what they don't give from the optimizer.
func callsOf(def *specDef, f func(*expr.Call)) {
	for _, m := range append([]*module{def.model}, def.lib.own...) {
		moduleCalls(m, f)
	}
	for _, src := range def.sources {
		if src.body != nil {
			moduleCalls(src.body, f)
		}
	}
	t := def.train
	if t == nil {
		return
	}
	eachCall(t.loss, f)
	eachCall(t.clip, f)
	eachCall(t.until, f)
	if t.optimizer != nil {
		eachCall(t.optimizer, f)
	}
	for _, m := range allMetrics(t) {
		nodeCalls(m.def, f)
	}
	for _, g := range t.groups {
		if g.call != nil {
			for _, a := range g.call.Named {
				eachCall(a.Value, f)
			}
		}
	}
}

// nodesOf calls f for the right sides of all nodes in a spec's own text. In a
// module what a node doesn't say depends on the node around it.
func nodesOf(def *specDef, f func(n *nodeDef, inModule bool)) {
	each := func(items []*item, inModule bool) {
		for _, it := range items {
			choices(it.def, func(n *nodeDef) { f(n, inModule) })
		}
	}
	for _, m := range def.lib.own {
		each(m.items, true)
	}
	each(def.model.items, false)
	for _, src := range def.sources {
		if src.body != nil {
			each(src.body.items, false)
		}
	}
	for _, m := range allMetrics(def.train) {
		choices(m.def, func(n *nodeDef) { f(n, false) })
	}
}

// choices calls f for a node and for those that it chooses between.
func choices(def *nodeDef, f func(n *nodeDef)) {
	if def == nil {
		return
	}
	f(def)
	choices(def.then, f)
	choices(def.otherwise, f)
}

// allMetrics are those of training and of evaluation.
func allMetrics(t *trainDef) []*metricDef {
	switch {
	case t == nil:
		return nil
	case t.eval == nil:
		return t.metrics
	}
	return append(slices.Clone(t.metrics), t.eval.metrics...)
}

// moduleCalls calls f for every call in a module's text.
func moduleCalls(m *module, f func(*expr.Call)) {
	for _, a := range m.args {
		eachCall(a.fallback, f)
	}
	for _, p := range m.params {
		eachCall(p.init, f)
	}
	for _, s := range m.states {
		eachCall(s.init, f)
	}
	for _, it := range m.items {
		nodeCalls(it.def, f)
	}
	for _, o := range m.outputs {
		eachCall(o.value, f)
	}
}

func nodeCalls(def *nodeDef, f func(*expr.Call)) {
	choices(def, func(n *nodeDef) { eachCall(n.value, f) })
}

// moduleOf is the module that a call names, or nil.
func moduleOf(call *expr.Call) *module {
	if t, _ := call.Target.(*target); t != nil {
		return t.module
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
