// Package check finds out what every name in a definition means, and the order in which
// the nodes of a body can be built. It reports names that are undefined, ambiguous or
// unused, cycles, and calls whose arguments don't fit. It looks at every expression,
// those of branches that aren't taken too.
package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// resolver finds out what every name means, and the order in which the nodes of a body
// can be built. It checks all expressions, including those of branches not taken.
type resolver struct {
	list *diag.List
	lib  *syntax.Library
	vars []*syntax.Var

	openVars bool
}

func (r *resolver) report(rule diag.Rule, at diag.Range, help, format string, args ...any) {
	r.list.Add(diag.Diagnostic{Rule: rule, Range: at, Help: help, Message: fmt.Sprintf(format, args...)})
}

// symbol is what a name stands for.
type symbol struct {
	what string // "the input", "the var", for messages
	at   diag.Range
	item *syntax.Item // of a node
	used bool
}

// scope is what an expression can see.
type scope struct {
	*resolver
	owner  *syntax.Module          // the module it is in, or nil
	graph  map[string]*symbol      // inputs, parameters, states, nodes
	consts map[string]*symbol      // vars, arguments, dimensions, training, generating
	writes map[string]*syntax.Item // what next(name) is; nil for a state that isn't written
	hidden map[string]*symbol      // not visible here, for a better message
	hints  map[string]string       // help for names that people try here
	choice bool                    // it is the condition of a choice
	shares *expr.Call              // a call that takes what it omits from the node that it shares with
	open   bool                    // names may be missing because of what was reported
	calls  map[*syntax.Module]bool // modules that were found
}

func (r *resolver) scope(owner *syntax.Module) *scope {
	s := &scope{resolver: r, owner: owner, graph: map[string]*symbol{}, consts: map[string]*symbol{},
		writes: map[string]*syntax.Item{}, calls: map[*syntax.Module]bool{}}
	for name := range syntax.BuiltIn {
		s.consts[name] = &symbol{what: "the built-in value", used: true}
	}
	return s
}

// withGraph is the same scope over other names of values.
func (s *scope) withGraph(graph map[string]*symbol) *scope {
	t := *s
	t.graph, t.hidden, t.writes = graph, s.graph, nil
	return &t
}

// declare adds the name of a value. A duplicate is reported.
func (s *scope) declare(names map[string]*symbol, name, what string, at diag.Range) *symbol {
	if old := names[name]; old != nil {
		s.list.Add(diag.Diagnostic{Rule: diag.DuplicateName, Range: at,
			Message: fmt.Sprintf("duplicate name `%s`: %s and %s", name, old.what, what),
			Notes:   []diag.Note{{Message: "first defined here", Range: old.at}}})
		return old
	}
	sym := &symbol{what: what, at: at}
	names[name] = sym
	return sym
}

// standardIsResolved resolves the standard library, once for all specs.
var standardIsResolved = sync.OnceFunc(func() {
	var list diag.List
	r := &resolver{list: &list, lib: syntax.Standard()}
	for _, known := range []map[string]*syntax.Module{r.lib.Modules, r.lib.Optimizers} {
		for _, m := range known {
			r.module(m)
		}
	}
	if len(list.Items) > 0 {
		panic("spec: invalid standard library:\n" + list.Text())
	}
})

// Modules resolves the modules of a file.
func Modules(f *syntax.File, list *diag.List) {
	standardIsResolved()
	r := &resolver{list: list, lib: f.Lib}
	called := map[*syntax.Module]map[*syntax.Module]bool{}
	for _, m := range f.Lib.Own {
		called[m] = r.module(m).calls
	}
	r.recursion(f.Lib.Own, called)
}

// Spec resolves the modules that a spec imports and its own, its data, model
// and training. It gives the names that nothing refers to.
func Spec(def *syntax.Spec, list *diag.List) *Unused {
	standardIsResolved()
	for _, f := range def.Imports.Done {
		Modules(f, list)
	}
	r := &resolver{list: list, lib: def.Library, vars: def.Vars, openVars: def.OpenVars}
	vars := map[string]*symbol{}
	for _, v := range def.Vars {
		vars[v.Name] = &symbol{what: "the var", at: v.At}
	}
	called := map[*syntax.Module]map[*syntax.Module]bool{}
	unused := &Unused{list: list}
	for _, m := range def.Library.Own {
		s := r.module(m)
		called[m] = s.calls
		unused.module(m, s)
	}
	for _, src := range def.DataSources {
		if src.Body != nil {
			called[src.Body] = r.source(src, vars, def.Model).calls
			continue
		}
		s := r.scope(nil)
		s.consts = vars
		if src.Kind != nil { // else they are those of others
			for _, f := range src.Fields {
				s.typed(&f.Type)
			}
		}
		if src.Transform != nil {
			called[src.Transform] = r.transform(src, vars).calls
		}
	}
	if def.Model != nil {
		r.labels(def)
		s := r.model(def, vars)
		called[def.Model] = s.calls
		if def.Train != nil {
			r.train(def, s)
		}
		unused.model(def, s)
	}
	r.recursion(def.Library.Own, called)
	for _, v := range def.Vars {
		if !vars[v.Name].used && !v.Used {
			unused.add(diag.UnusedVar, v.At, "the var `%s` is never used", v.Name)
		}
	}
	unused.modules(def, called)
	return unused
}

// source resolves a generating data source.
func (r *resolver) source(src *syntax.DataSource, vars map[string]*symbol, model *syntax.Module) *scope {
	s := r.scope(src.Body)
	if model != nil && !src.Body.Open {
		s.hints = map[string]string{}
		for _, it := range model.Items {
			s.hints[it.Name] = "data is generated before the model runs, so it can use only vars and other fields"
		}
	}
	s.consts = vars
	s.open = src.Body.Open || r.openVars
	s.body(src.Body)
	return s
}

// transform resolves the transform of a data source. A node's own name is the field as it
// was read there, and what the transform makes of it elsewhere.
func (r *resolver) transform(src *syntax.DataSource, vars map[string]*symbol) *scope {
	m := src.Transform
	s := r.scope(m)
	r.list.Budget.Spend(diag.Comparing, syntax.BindCost*(len(vars)+len(src.Fields)))
	maps.Copy(s.consts, vars)
	if s.consts[syntax.BatchSize] == nil {
		s.consts[syntax.BatchSize] = &symbol{what: "the built-in value", used: true}
	}
	s.open = src.Open() || r.openVars
	read := map[string]*symbol{}
	for _, f := range src.Fields {
		read[f.Name] = &symbol{what: "the field", at: f.At}
		s.graph[f.Name] = read[f.Name]
	}
	for _, it := range m.Items {
		s.graph[it.Name] = &symbol{what: "the node", at: it.At, item: it}
	}
	for _, it := range m.Items {
		made := s.graph[it.Name]
		if delete(s.graph, it.Name); read[it.Name] != nil {
			s.graph[it.Name] = read[it.Name]
		}
		s.node(it.Def, it)
		s.graph[it.Name] = made
	}
	m.Order = s.sort(m.Items)
	return s
}

// model resolves the model.
func (r *resolver) model(def *syntax.Spec, vars map[string]*symbol) *scope {
	m := def.Model
	s := r.scope(m)
	s.open = m.Open || r.openVars
	maps.Copy(s.consts, vars)
	for _, in := range m.Inputs {
		s.declare(s.graph, in.Name, "the input", in.At)
		s.dims(in.Type)
	}
	for _, in := range m.Inputs {
		s.typed(&in.Type)
	}
	for _, it := range m.Items {
		if slices.Contains(syntax.ReservedNodes, it.Name) {
			help := "choose another name"
			if it.Name == "loss" {
				help = "choose another name; the loss itself is declared as train.loss"
			}
			r.report(diag.ReservedName, it.At, help, "the name `%s` is reserved for a value of the run", it.Name)
		}
	}
	if len(def.DataSources) > 0 {
		s.hints = map[string]string{}
		for _, src := range def.DataSources {
			for _, name := range src.FieldNames() {
				s.hints[name] = "it is a field of the data source " + src.Name + ", visible only in train; to use it in the model, add it to model.inputs"
			}
		}
	}
	s.body(m)
	return s
}

// body declares the nodes of a body, resolves them and its outputs, and finds
// their order.
func (s *scope) body(m *syntax.Module) {
	for _, it := range m.Items {
		if it.Write {
			if s.writes[it.Name] == nil { // else a duplicate key
				s.writes[it.Name] = it
			}
			continue
		}
		sym := s.declare(s.graph, it.Name, "the node", it.At)
		if sym.item == nil && sym.at == it.At {
			sym.item = it
		}
	}
	for _, it := range m.Items {
		s.node(it.Def, it)
	}
	for _, o := range m.Outputs {
		s.check(o.Value, false, nil)
	}
	m.Order = s.sort(m.Items)
}

func (s *scope) node(def *syntax.Node, user *syntax.Item) {
	if def.HasRepeat && s.consts[syntax.RepeatIndex] == nil {
		s.consts[syntax.RepeatIndex] = &symbol{what: "the number of the repetition", used: true}
		s.value(def, user)
		delete(s.consts, syntax.RepeatIndex)
	} else {
		s.value(def, user)
	}
	s.check(def.Repeat, true, user)
	if def.Recompute != nil {
		s.check(def.Recompute.Every, true, user)
	}
	if def.Scan != nil {
		s.check(def.Scan.Dim, true, user)
		s.check(def.Scan.Reverse, true, user)
		s.check(def.Scan.Generation, true, user)
	}
	if def.Test != nil {
		s.test(def.Test, user)
		s.node(def.Then, user)
		s.node(def.Else, user)
	}
}

// value resolves the right side of a node that isn't a choice. It needs the nodes whose
// parameters it shares: they are built before it.
func (s *scope) value(def *syntax.Node, user *syntax.Item) {
	if def.Share == nil {
		s.check(def.Value, false, user)
		return
	}
	in := *s
	if !def.Share.Repeats && def.Share.Params == nil {
		in.shares, _ = def.Value.(*expr.Call)
	}
	in.check(def.Value, false, user)
	s.check(def.Share.With, false, user)
	root, inside := syntax.Root(def.Share.With)
	if sym := s.graph[root]; sym != nil && sym.item != nil {
		sym.item.Shared, sym.item.SharedInside = true, sym.item.SharedInside || inside
	}
	for _, p := range def.Share.Params {
		s.check(p.From, false, user)
	}
}

// dims declares the symbolic dimensions of a type: names that mean nothing else.
func (s *scope) dims(t *expr.Type) {
	if t == nil {
		return
	}
	for _, d := range t.Dims {
		if n, ok := d.(*expr.Name); ok && s.consts[n.Name] == nil {
			s.consts[n.Name] = &symbol{what: "the dimension", at: n.At(), used: true}
		}
	}
	if t.AnyName != "" && s.consts[t.AnyName] == nil {
		s.consts[t.AnyName] = &symbol{what: "the dimensions", at: t.At(), used: true}
	}
}

// typed resolves a type. One with something wrong becomes nil, so that what depends on it
// isn't reported too.
func (s *scope) typed(at **expr.Type) {
	t := *at
	if t == nil {
		return
	}
	before := len(s.list.Items)
	if !slices.Contains(syntax.TypeNames, t.DType) {
		s.report(diag.InvalidValue, t.DTypeAt, syntax.TypeHelp(s.list, t.DType), "unknown dtype %s", syntax.Quoted(t.DType))
	}
	for _, d := range t.Dims {
		s.check(d, true, nil)
	}
	if len(s.list.Items) > before || s.list.Full() {
		*at = nil
	}
}

// recursion finds modules that contain themselves.
func (r *resolver) recursion(own []*syntax.Module, called map[*syntax.Module]map[*syntax.Module]bool) {
	const open, done = 1, 2
	mark := map[*syntax.Module]int{}
	var path []string
	var visit func(m *syntax.Module) bool
	visit = func(m *syntax.Module) bool {
		switch mark[m] {
		case open:
			return false
		case done:
			return true
		}
		mark[m] = open
		path = append(path, m.Name)
		for _, next := range slices.SortedFunc(maps.Keys(called[m]), byName) {
			if !next.Std && !visit(next) && !next.Recursive {
				next.Recursive = true
				from := slices.Index(path, next.Name)
				r.report(diag.RecursiveModule, next.At, "use `repeat` to stack a module",
					"recursive module %s: %s", next.Name, strings.Join(append(path[from:], next.Name), " → "))
			}
		}
		path = path[:len(path)-1]
		mark[m] = done
		return true
	}
	for _, m := range own {
		visit(m)
	}
}

func byName(a, b *syntax.Module) int { return strings.Compare(a.Name, b.Name) }
