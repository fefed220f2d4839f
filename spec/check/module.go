package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// module resolves a module or optimizer.
func (r *resolver) module(m *syntax.Module) *scope {
	s := r.scope(m)
	s.open = m.Open
	for _, a := range m.Args {
		named := s.declare(s.argumentNames(a), a.Name, "the argument", a.At)
		if a.Kind == syntax.ArgTensor { // compile-time contexts may ask whether it is nil
			s.consts[a.Name] = named
		}
	}
	inputs := map[string]*symbol{}
	if m.Optimizer {
		for _, name := range []string{"param", "grad", "step"} {
			inputs[name] = s.declare(s.graph, name, "the value", diag.Range{})
			inputs[name].used = true
		}
		delete(inputs, "grad")
		if s.consts["shape"] == nil { // else an argument
			s.consts["shape"] = &symbol{what: "the built-in value", used: true}
		}
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
		s.typed(&in.Type)
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

// argumentNames are the names that an argument is among: of values, if it can be one.
func (s *scope) argumentNames(a *syntax.Arg) map[string]*symbol {
	if a.Kind.IsValue() {
		return s.graph
	}
	return s.consts
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
			if !ok || syntax.BuiltIn[n.Name] != "" {
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

// sort orders items so that each comes after those that it uses, and otherwise keeps the
// text's order. Items on a cycle are reported once and marked.
func (s *scope) sort(items []*syntax.Item) []*syntax.Item {
	const open, done = 1, 2
	order := make([]*syntax.Item, 0, len(items))
	mark := make(map[*syntax.Item]int, len(items))
	type frame struct {
		it   *syntax.Item
		next int
	}
	for _, root := range items {
		if mark[root] != 0 {
			continue
		}
		mark[root] = open
		stack := []frame{{root, 0}}
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if f.next == len(f.it.Uses) {
				mark[f.it] = done
				order = append(order, f.it)
				stack = stack[:len(stack)-1]
				continue
			}
			use := f.it.Uses[f.next]
			f.next++
			switch mark[use] {
			case 0:
				mark[use] = open
				stack = append(stack, frame{use, 0})
			case open:
				var cycle []*syntax.Item
				for i := len(stack) - 1; i >= 0; i-- {
					cycle = append(cycle, stack[i].it)
					if stack[i].it == use || stack[i].it.Bad {
						break
					}
				}
				slices.Reverse(cycle)
				s.cycle(cycle)
			}
		}
	}
	return order
}

func (s *scope) cycle(cycle []*syntax.Item) {
	known := false
	var names []string
	for _, it := range cycle {
		known = known || it.Bad
		it.Bad = true
		names = append(names, label(it))
	}
	if known {
		return
	}
	if len(names) > 8 {
		names = append(names[:7], "…")
	}
	first := cycle[0]
	d := diag.Diagnostic{Rule: diag.Cycle, Range: first.At,
		Message: fmt.Sprintf("the node `%s` depends on itself: %s", label(first), strings.Join(append(names, label(first)), " → "))}
	if s.owner == nil || s.owner.Root {
		d.Help = "to carry a value to the next step, use a state of a module"
	}
	s.list.Add(d)
}

func label(it *syntax.Item) string {
	if it.Write {
		return "next(" + it.Name + ")"
	}
	return it.Name
}
