package spec

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// unusedNames collects what nothing refers to. It is told only where a spec has
// no errors: a broken expression doesn't say what it would have used.
type unusedNames struct {
	list  *diag.List
	found []diag.Diagnostic
}

func (u *unusedNames) add(rule diag.Rule, at diag.Range, format string, args ...any) {
	u.found = append(u.found, diag.Diagnostic{Rule: rule, Range: at, Message: fmt.Sprintf(format, args...),
		Help: "remove it, or use it"})
}

func (u *unusedNames) flush() {
	for _, d := range u.found {
		u.list.Add(d)
	}
}

func (u *unusedNames) module(m *module, s *scope) {
	check := func(names map[string]*symbol, name, what string, at diag.Range) {
		if sym := names[name]; sym != nil && !sym.used {
			u.add(diag.UnusedNode, at, "%s %s of %s is never used", what, name, m.name)
		}
	}
	for _, in := range m.inputs {
		check(s.graph, in.name, "the input", in.at)
	}
	for _, a := range m.args {
		if a.kind == argScalar {
			check(s.graph, a.name, "the argument", a.at)
		} else {
			check(s.consts, a.name, "the argument", a.at)
		}
	}
	for _, p := range m.params {
		check(s.graph, p.name, "the parameter", p.at)
	}
	for _, st := range m.states {
		check(s.graph, st.name, "the state", st.at)
	}
	for _, it := range m.items {
		if !it.write {
			check(s.graph, it.name, "the node", it.at)
		}
	}
}

func (u *unusedNames) model(def *specDef, s *scope) {
	for _, in := range def.model.inputs {
		if sym := s.graph[in.name]; sym != nil && !sym.used {
			u.add(diag.UnusedNode, in.at, "nothing needs the input %s", in.name)
		}
	}
	for _, it := range def.model.items {
		if !it.used {
			u.add(diag.UnusedNode, it.at, "nothing needs the node %s", it.name)
		}
	}
	for _, src := range def.sources {
		if !src.used {
			u.add(diag.UnusedSource, src.at, "train doesn't use the data source %s", src.name)
			continue
		}
		if src.body == nil {
			continue
		}
		for _, it := range src.body.items {
			if !it.used {
				u.add(diag.UnusedNode, it.at, "nothing needs the field %s", it.name)
			}
		}
	}
}

// modules finds those of the spec's own that nothing calls.
func (u *unusedNames) modules(def *specDef, called map[*module]map[*module]bool) {
	needed := map[*module]bool{}
	for _, callees := range called {
		for m := range callees {
			needed[m] = true
		}
	}
	for _, m := range def.lib.own {
		if !needed[m] {
			u.add(diag.UnusedModule, m.at, "nothing calls %s", m.name)
		}
	}
	for _, use := range def.lib.uses {
		switch {
		case slices.ContainsFunc(use.modules, func(m *module) bool { return needed[m] }):
		case use.name != "":
			u.add(diag.UnusedModule, use.at, "nothing calls %s", use.name)
		default:
			u.add(diag.UnusedModule, use.at, "nothing calls what %s brings", use.file)
		}
	}
}
