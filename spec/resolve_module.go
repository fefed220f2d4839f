package spec

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
)

// module resolves a module or optimizer.
func (r *resolver) module(m *module) *scope {
	s := r.scope(m)
	s.open = m.open
	for _, a := range m.args {
		if a.kind == argScalar {
			s.declare(s.graph, a.name, "the argument", a.at)
		} else {
			s.declare(s.consts, a.name, "the argument", a.at)
		}
	}
	inputs := map[string]*symbol{}
	if m.optimizer {
		for _, name := range []string{"param", "grad", "step"} {
			inputs[name] = s.declare(s.graph, name, "the value", diag.Range{})
			inputs[name].used = true
		}
		delete(inputs, "grad")
		s.writes["param"] = nil
	}
	for _, in := range m.inputs {
		inputs[in.name] = s.declare(s.graph, in.name, "the input", in.at)
		s.dims(in.typ)
	}
	for _, a := range m.args {
		s.check(a.fallback, true, nil)
	}
	r.orderDefaults(m)
	for _, in := range m.inputs {
		if !s.typed(in.typ) {
			in.typ = nil // the rest would follow from it
		}
	}
	for _, req := range m.require {
		s.check(req.cond, true, nil)
	}
	params := s.withGraph(nil)
	for _, p := range m.params {
		for _, d := range p.shape {
			s.check(d, true, nil)
		}
		s.check(p.when, true, nil)
		params.check(p.init, false, nil)
	}
	for _, p := range m.params {
		inputs[p.name] = s.declare(s.graph, p.name, "the parameter", p.at)
	}
	states := s.withGraph(inputs)
	for _, st := range m.states {
		s.declare(s.graph, st.name, "the state", st.at)
		s.writes[st.name] = nil
		states.check(st.init, false, nil)
		s.check(st.when, true, nil)
	}
	s.body(m)
	if m.optimizer && s.writes["param"] == nil {
		r.report(diag.MissingKey, m.at, "param: what a parameter becomes", "the update of %s never writes param", m.name)
	}
	return s
}

// orderDefaults finds the defaults that name a symbolic dimension, which is anything
// but an argument, and reports those that name an argument without a value yet.
func (r *resolver) orderDefaults(m *module) {
	place := make(map[string]int, len(m.args))
	for i, a := range m.args {
		place[a.name] = i
	}
	for i, a := range m.args {
		expr.Walk(a.fallback, func(e expr.Expr) bool {
			n, ok := e.(*expr.Name)
			if !ok || n.Name == "training" {
				return true
			}
			at, isArg := place[n.Name]
			a.sized = a.sized || !isArg
			if isArg && at >= i {
				r.report(diag.UnknownName, n.At(), "a default sees the arguments above its own", "the default of %s can't see %s", a.name, n.Name)
			}
			return true
		})
	}
}
