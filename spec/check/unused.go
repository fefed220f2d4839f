package check

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax"
)

// Unused collects what nothing refers to. It is reported only if a spec has no errors: it
// is unknown what an invalid expression would use.
type Unused struct {
	list  *diag.List
	found []diag.Diagnostic
}

func (u *Unused) add(rule diag.Rule, at diag.Range, format string, args ...any) {
	u.found = append(u.found, diag.Diagnostic{Rule: rule, Range: at, Message: fmt.Sprintf(format, args...),
		Help: "use it or remove it"})
}

func (u *Unused) Report() {
	for _, d := range u.found {
		u.list.Add(d)
	}
}

func (u *Unused) module(m *syntax.Module, s *scope) {
	check := func(names map[string]*symbol, name, what string, at diag.Range) {
		if sym := names[name]; sym != nil && !sym.used {
			u.add(diag.UnusedNode, at, "%s `%s` of %s is never used", what, name, m.Name)
		}
	}
	for _, in := range m.Inputs {
		check(s.graph, in.Name, "the input", in.At)
	}
	for _, a := range m.Args {
		check(s.argumentNames(a), a.Name, "the argument", a.At)
	}
	for _, p := range m.Params {
		check(s.graph, p.Name, "the parameter", p.At)
	}
	for _, st := range m.States {
		check(s.graph, st.Name, "the state", st.At)
	}
	for _, it := range m.Items {
		if !it.Write {
			check(s.graph, it.Name, "the node", it.At)
		}
	}
}

func (u *Unused) model(def *syntax.Spec, s *scope) {
	for _, in := range def.Model.Inputs {
		if sym := s.graph[in.Name]; sym != nil && !sym.used {
			u.add(diag.UnusedNode, in.At, "the input `%s` is never used", in.Name)
		}
	}
	for _, it := range def.Model.Items {
		if !it.Used {
			u.add(diag.UnusedNode, it.At, "the node `%s` is never used", it.Name)
		}
	}
	for _, src := range def.DataSources {
		if !src.Used {
			u.add(diag.UnusedSource, src.At, "the data source `%s` is never used", src.Name)
			continue
		}
		for _, it := range nodesOf(src) {
			if !it.Used {
				u.add(diag.UnusedNode, it.At, "the field `%s` is never used", it.Name)
			}
		}
	}
}

// modules finds those of the spec's own that nothing calls.
func (u *Unused) modules(def *syntax.Spec, called map[*syntax.Module]map[*syntax.Module]bool) {
	needed := map[*syntax.Module]bool{}
	for _, callees := range called {
		for m := range callees {
			needed[m] = true
		}
	}
	for _, m := range def.Library.Own {
		if !needed[m] {
			u.add(diag.UnusedModule, m.At, "`%s` is never called", m.Name)
		}
	}
	for _, use := range def.Library.Uses {
		switch {
		case slices.ContainsFunc(use.Modules, func(m *syntax.Module) bool { return needed[m] }):
		case use.Name != "":
			u.add(diag.UnusedModule, use.At, "`%s` is never called", use.Name)
		default:
			u.add(diag.UnusedModule, use.At, "nothing imported from %s is used", use.File)
		}
	}
}
