package spec

import (
	"reflect"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
)

// defaults fills in the arguments that a call leaves out, but for those whose
// default depends on symbolic dimensions.
func (ev *eval) defaults(f *frame, args []expr.Expr, c *expr.Call) bool {
	return ev.fill(f, args, c, false)
}

// sizedDefaults fills in those, once the inputs are bound.
func (ev *eval) sizedDefaults(f *frame, args []expr.Expr, c *expr.Call) bool {
	return ev.fill(f, args, c, true)
}

func (ev *eval) fill(f *frame, args []expr.Expr, c *expr.Call, sized bool) bool {
	in := &eval{graph: ev.graph, f: f, to: ev.to, path: f.path}
	ok := true
	for i, a := range f.mod.args {
		if args[len(f.mod.inputs)+i] != nil || a.fallback == nil {
			ok = ok && (a.optional || args[len(f.mod.inputs)+i] != nil)
			continue
		}
		if a.sized != sized {
			continue
		}
		v := in.constant(a.fallback)
		if isBad(v) {
			ok = false
			continue
		}
		if v == nil && a.none {
			ev.taken.add(c, a, nil)
			f.consts[a.name] = nil
			continue
		}
		ev.look(v)
		value, fits := ofKind(v, a.kind)
		if !fits {
			ev.fail(f, diag.InvalidArgument, a.fallback.At(), "", "the default of %s must be %s, got %s", a.name, article(a.kind), ir.Describe(v))
			ok = false
			continue
		}
		if problem := a.refuses(value); problem != "" {
			ev.fail(f, diag.InvalidArgument, a.fallback.At(), "", "the default of %s %s", a.name, problem)
			ok = false
			continue
		}
		if ev.taken != nil {
			ev.look(value)
		}
		ev.taken.add(c, a, value)
		if a.kind == argScalar {
			f.values[a.name] = value
		} else {
			f.consts[a.name] = value
		}
	}
	return ok
}

// taken are the values that the arguments which calls leave out had, each value
// once. A call in a module has as many as the module is used in different ways.
type taken map[leftOut][]any

type leftOut struct {
	call diag.Range
	arg  string
}

// maxTaken is how many values of one argument are of interest.
const maxTaken = 5

func (t taken) add(c *expr.Call, a *argDef, v any) {
	if t == nil {
		return
	}
	at := leftOut{c.At(), a.name}
	same := func(old any) bool { return reflect.DeepEqual(old, v) }
	if values := t[at]; len(values) < maxTaken && !slices.ContainsFunc(values, same) {
		t[at] = append(values, v)
	}
}
