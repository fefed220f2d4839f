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
	metrics := t.metrics
	if t.eval != nil {
		metrics = append(slices.Clone(metrics), t.eval.metrics...)
	}
	for _, m := range metrics {
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
	if def == nil {
		return
	}
	eachCall(def.value, f)
	def.then.eachCall(f)
	def.otherwise.eachCall(f)
}

func eachCall(e expr.Expr, f func(*expr.Call)) {
	expr.Walk(e, func(e expr.Expr) bool {
		if call, ok := e.(*expr.Call); ok {
			f(call)
		}
		return true
	})
}
