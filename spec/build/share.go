package build

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// Sharing: a call of a module has parameters and states of its own, under its path, unless
// its node says `share`. Then they are under the path of another call, its home, and what it
// computes is still under its own path. States are written in the order in which the calls
// are built: each sees what the one before has written. A state of generation is never
// shared, as it is what earlier tokens gave this call.

// use is a call of a module, as calls that share with it need it.
type use struct {
	mod   *syntax.Module
	name  string // for messages: a path
	home  string // the path of its parameters and states
	dtype ir.DType
	args  []any // by the module's arguments; nil: none are taken over
	at    diag.Range
	times int  // of a node with repeat, how many calls it stands for; else 0
	makes bool // it makes the parameters that it shares: it is the first repetition of several
}

// remember lets later calls share with f, if the spec says that one does.
func (g *graph) remember(f *frame) {
	if !f.shared {
		return
	}
	g.list.Budget.Spend(diag.Expanding, callCost)
	args := make([]any, len(f.mod.Args))
	for i, a := range f.mod.Args {
		if a.Kind == syntax.ArgTensor {
			continue // each call has its own
		}
		if v, scalar := f.values[a.Name]; scalar && a.Kind == syntax.ArgScalar {
			args[i] = v
		} else {
			args[i] = f.consts[a.Name]
		}
	}
	g.calls[ir.PlainPath(f.path)] = &use{mod: f.mod, name: f.path, home: f.at(f.path), dtype: f.dtype, args: args, at: f.site}
}

// stacked lets later calls share with all repetitions of a node.
func (g *graph) stacked(s *syntax.Share, path string, times int) {
	first := g.calls[ir.PlainPath(path+"[0]")]
	if first == nil {
		return
	}
	all := *first
	all.name = path
	if s == nil || !s.Repeats { // else there is one set
		all.home, all.times = path, times
	}
	g.calls[ir.PlainPath(path)] = &all
}

// elsewhere replaces the longest beginning of a plain path that a map has.
func elsewhere(m map[string]string, path string) string {
	for end := len(path); end > 0 && len(m) > 0; end = strings.LastIndexByte(path[:end], '.') {
		if other, ok := m[path[:end]]; ok {
			return other + path[end:]
		}
	}
	return path
}

// stateAt finds a state by the path of the node that has it; nil if there is none.
func (g *graph) stateAt(path string) *ir.State {
	path = ir.PlainPath(path)
	if s := g.states[path]; s != nil {
		return s
	}
	return g.states[elsewhere(g.homes, elsewhere(g.renamed, path))]
}

// callAt finds a call by the path of its node; nil if there is none.
func (g *graph) callAt(path string) *use {
	path = elsewhere(g.renamed, ir.PlainPath(path))
	if u := g.calls[path]; u != nil {
		return u
	}
	return g.calls[elsewhere(g.homes, path)]
}

// stateOf finds a state of f.
func (g *graph) stateOf(f *frame, name string) *ir.State {
	if s := g.states[ir.PlainPath(g.join(f.path, name))]; s != nil {
		return s
	}
	return g.states[ir.PlainPath(g.join(f.at(f.path), name))]
}

// sharing finds the call whose parameters and states a node shares; nil if the node names
// none. What is wrong with it is reported, and ok is false then.
func (ex *expander) sharing(s *syntax.Share, t *check.Target) (with *use, ok bool) {
	switch {
	case s == nil || s.Repeats || s.Params != nil:
		return nil, true
	case s.With == nil:
		return nil, false
	}
	path, ok := ex.pathOf(s.With)
	if !ok {
		return nil, false
	}
	with = ex.callAt(ex.join(ex.f.path, path))
	switch {
	case with == nil && ex.unknown(s.With):
		return nil, false // reported
	case with == nil:
		ex.fail(ex.f, diag.InvalidArgument, s.At, "name a node whose right side calls a module, such as {Linear: x, out_features: 8}", "`%s` is no call of a module, so it has no parameters to share", path)
		return nil, false
	case with.mod != t.Module:
		ex.report(ex.f, diag.Diagnostic{Rule: diag.InvalidArgument, Range: s.At,
			Message: fmt.Sprintf("%s calls %s, and this node %s: only calls of one module can share parameters", path, with.mod.Name, t.Module.Name),
			Notes:   []diag.Note{{Message: path + " is here", Range: ex.f.origin(with.at)}},
			Help:    "to share single parameters, name them: share: {weight: " + path + ".weight}"})
		return nil, false
	}
	return with, true
}

// unknown reports whether the name that a path begins with stands for nothing, which was
// reported.
func (ex *expander) unknown(path expr.Expr) bool {
	name, _ := syntax.Root(path)
	v, is := ex.f.values[name]
	if !is {
		_, is = ex.f.consts[name]
	}
	return !is || syntax.IsBad(v)
}

// repetition is what repetition i of a node shares, or nil.
func (ex *expander) repetition(s *syntax.Share, with *use, path string, i int) *use {
	switch {
	case s != nil && s.Repeats:
		return &use{name: path, home: ex.f.at(path), makes: i == 0}
	case with != nil && with.times > 0:
		return ex.calls[ir.PlainPath(with.home)+"."+strconv.Itoa(i)]
	}
	return with
}

// share makes a frame share what another call has.
func (ex *expander) share(f *frame, with *use) {
	if with == nil {
		return
	}
	f.home = with.home
	ex.named(len(f.path) + len(f.home))
	ex.homes[ir.PlainPath(f.path)] = ir.PlainPath(f.home)
	if with.makes {
		return
	}
	f.shares = with
	if with.dtype != ir.Invalid {
		f.dtype = with.dtype
	}
}

// inherit gives a frame the arguments that its call omits and the call that it shares with
// has. The result are the call's arguments, with something in their place.
func (f *frame) inherit(with *use, given []expr.Expr) []expr.Expr {
	if with == nil || with.args == nil {
		return given
	}
	given = slices.Clone(given)
	for i, a := range f.mod.Args {
		at := len(f.mod.Inputs) + i
		if given[at] != nil || a.Kind == syntax.ArgTensor {
			continue
		}
		given[at] = &expr.Literal{}
		if v := with.args[i]; v != nil && a.Kind == syntax.ArgScalar {
			f.values[a.Name] = v
		} else {
			f.consts[a.Name] = v
		}
	}
	return given
}

// sharedParameter finds the parameter that f shares; shared is false if it has one of its
// own. It is nil if it doesn't fit, which is reported.
func (ex *expander) sharedParameter(f *frame, p *syntax.Parameter, path string, t ir.Type) (s *ir.State, shared bool) {
	plain := ir.PlainPath(path)
	_, tied := ex.ties[plain]
	switch {
	case tied:
		ex.ties[plain] = true
		s = ex.states[ex.homes[plain]]
	case f.shares != nil:
		s = ex.states[plain]
	default:
		return nil, false
	}
	switch {
	case s == nil:
		ex.report(f.caller, diag.Diagnostic{Rule: diag.InvalidArgument, Range: f.site,
			Message: fmt.Sprintf("%s shares the parameters of %s, which has no `%s`", f.path, f.shares.name, p.Name),
			Notes:   []diag.Note{{Message: f.shares.name + " is here", Range: f.caller.origin(f.shares.at)}},
			Help:    "give both the same arguments; a call with share takes those that it omits from the other one"})
	case !s.Type.Equal(t):
		rule := diag.ShapeMismatch
		if s.Type.Shape.Equal(t.Shape) {
			rule = diag.TypeMismatch
		}
		ex.report(f.caller, diag.Diagnostic{Rule: rule, Range: f.site,
			Message: fmt.Sprintf("%s.%s would be %s, but the parameter that it shares, %s, is %s", f.path, p.Name, t, s.Name, s.Type),
			Notes:   []diag.Note{{Message: s.Name + " is declared here", Range: s.Origin}}})
		s = nil
	}
	return s, true
}

// tie lets single parameters of a node be those of other nodes.
func (ex *expander) tie(s *syntax.Share, path string) bool {
	if s == nil {
		return true
	}
	ok := true
	for _, p := range s.Params {
		from, isPath := "", false
		if p.From != nil {
			from, isPath = ex.pathOf(p.From)
		}
		if !isPath {
			ok = false
			continue
		}
		state := ex.stateAt(ex.f.at(ex.join(ex.f.path, from)))
		switch {
		case state != nil && state.Kind == ir.ParamState:
			plain := ir.PlainPath(ex.f.at(ex.join(path, p.Path)))
			ex.homes[plain], ex.ties[plain] = state.Name, false
			continue
		case ex.unknown(p.From): // reported
		default:
			ex.fail(ex.f, diag.UnknownName, p.From.At(), ex.parameterHelp(from), "unknown parameter `%s`", from)
		}
		ok = false
	}
	return ok
}

// tied reports parameters in share that the call didn't have.
func (ex *expander) tied(s *syntax.Share, t *check.Target, path string, v any) {
	if s == nil || syntax.IsBad(v) {
		return
	}
	for _, p := range s.Params {
		if !ex.ties[ir.PlainPath(ex.f.at(ex.join(path, p.Path)))] {
			ex.fail(ex.f, diag.UnknownName, p.At, ex.ownHelp(p.Path, path), "%s has no parameter `%s` here", t.Module.Name, diag.Cut(p.Path))
		}
	}
}

// ownHelp suggests a parameter of the call at a path.
func (ex *expander) ownHelp(name, path string) string {
	if ex.list.Full() {
		return ""
	}
	var own []string
	for state := range ex.states {
		if rest, is := strings.CutPrefix(state, ir.PlainPath(ex.f.at(path))+"."); is {
			own = append(own, rest)
		}
	}
	return ex.list.Suggestion(name, own)
}

// duplicateHelp says what to do about a second state of one name.
func duplicateHelp(f *frame) string {
	if f.caller == nil || f.mod == nil || f.mod.Optimizer {
		return ""
	}
	return "give each its own `name`; to apply a module again with the same parameters, write share: NODE, with the name of the first node, instead of `name`"
}
