package spec

import (
	"slices"

	"github.com/flowrun/flowrun/spec/expr"
)

// eachCall calls f for every call in a spec's own text; groups of parameters are
// none, since they take what they don't give from the optimizer.
func (def *specDef) eachCall(f func(*expr.Call)) {
	for _, m := range append([]*module{def.model}, def.lib.own...) {
		m.eachCall(f)
	}
	for _, src := range def.sources {
		if src.body != nil {
			src.body.eachCall(f)
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
	for _, m := range t.allMetrics() {
		m.def.eachCall(f)
	}
	for _, g := range t.groups {
		if g.call != nil {
			for _, a := range g.call.Named {
				eachCall(a.Value, f)
			}
		}
	}
}

// eachNode calls f for the right sides of all nodes in a spec's own text. In a
// module what a node doesn't say depends on the node around it.
func (def *specDef) eachNode(f func(n *nodeDef, inModule bool)) {
	each := func(items []*item, inModule bool) {
		for _, it := range items {
			it.def.each(func(n *nodeDef) { f(n, inModule) })
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
	for _, m := range def.train.allMetrics() {
		m.def.each(func(n *nodeDef) { f(n, false) })
	}
}

// each calls f for a node and for those that it chooses between.
func (def *nodeDef) each(f func(n *nodeDef)) {
	if def == nil {
		return
	}
	f(def)
	def.then.each(f)
	def.otherwise.each(f)
}

// allMetrics are those of training and of evaluation.
func (t *trainDef) allMetrics() []*metricDef {
	switch {
	case t == nil:
		return nil
	case t.eval == nil:
		return t.metrics
	}
	return append(slices.Clone(t.metrics), t.eval.metrics...)
}

// eachCall calls f for every call in a module's text.
func (m *module) eachCall(f func(*expr.Call)) {
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
		it.def.eachCall(f)
	}
	for _, o := range m.outputs {
		eachCall(o.value, f)
	}
}

func (def *nodeDef) eachCall(f func(*expr.Call)) {
	def.each(func(n *nodeDef) { eachCall(n.value, f) })
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
