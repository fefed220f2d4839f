package check

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// module resolves a module or optimizer.
func (r *resolver) module(m *syntax.Module) *scope {
	s := r.scope(m)
	s.open = m.Open
	for _, a := range m.Args {
		if a.Kind == syntax.ArgScalar {
			s.declare(s.graph, a.Name, "the argument", a.At)
		} else {
			s.declare(s.consts, a.Name, "the argument", a.At)
		}
	}
	inputs := map[string]*symbol{}
	if m.Optimizer {
		for _, name := range []string{"param", "grad", "step"} {
			inputs[name] = s.declare(s.graph, name, "the value", diag.Range{})
			inputs[name].used = true
		}
		delete(inputs, "grad")
		s.writes["param"] = nil
	}
	for _, in := range m.Inputs {
		inputs[in.Name] = s.declare(s.graph, in.Name, "the input", in.At)
		s.dims(in.Type)
	}
	for _, a := range m.Args {
		s.check(a.Default, true, nil)
	}
	r.orderDefaults(m)
	for _, in := range m.Inputs {
		if !s.typed(in.Type) {
			in.Type = nil // reported; what depends on it would follow from that
			// Sizes, dims and tensors that are one argument, a list, are often given one by
		}
	}
	for _, req := range m.Require {
		s.check(req.Cond, true, nil)
	}
	params := s.withGraph(nil)
	for _, p := range m.Params {
		for _, d := range p.Shape {
			s.check(d, true, nil)
		}
		s.check(p.When, true, nil)
		params.check(p.Init, false, nil)
	}
	for _, p := range m.Params {
		inputs[p.Name] = s.declare(s.graph, p.Name, "the parameter", p.At)
	}
	states := s.withGraph(inputs)
	for _, st := range m.States {
		s.declare(s.graph, st.Name, "the state", st.At)
		s.writes[st.Name] = nil
		states.check(st.Init, false, nil)
		s.check(st.When, true, nil)
	}
	s.body(m)
	if m.Optimizer && s.writes["param"] == nil {
		r.report(diag.MissingKey, m.At, "set param to the new value of the parameter", "the update of %s does not set `param`", m.Name)
	}
	return s
}

// orderDefaults marks the defaults that use symbolic dimensions (all names but arguments),
// and reports those that use their own or a later argument.
func (r *resolver) orderDefaults(m *syntax.Module) {
	index := make(map[string]int, len(m.Args))
	for i, a := range m.Args {
		index[a.Name] = i
	}
	for i, a := range m.Args {
		expr.Walk(a.Default, func(e expr.Expr) bool {
			n, ok := e.(*expr.Name)
			if !ok || n.Name == "training" {
				return true
			}
			at, isArg := index[n.Name]
			a.Sized = a.Sized || !isArg
			if isArg && at >= i {
				r.report(diag.UnknownName, n.At(), "a default can use only the arguments declared above it", "the default of %s can't use `%s`", a.Name, n.Name)
			}
			return true
		})
	}
}
