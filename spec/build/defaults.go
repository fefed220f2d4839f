package build

import (
	"reflect"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// defaults fills in the arguments that a call omits, except those whose default depends on
// symbolic dimensions.
func (ex *expander) defaults(f *frame, args []expr.Expr, c *expr.Call) bool {
	return ex.fill(f, args, c, false)
}

// sizedDefaults fills in the others, once the inputs are bound.
func (ex *expander) sizedDefaults(f *frame, args []expr.Expr, c *expr.Call) bool {
	return ex.fill(f, args, c, true)
}

func (ex *expander) fill(f *frame, args []expr.Expr, c *expr.Call, sized bool) bool {
	in := &expander{graph: ex.graph, f: f, to: ex.to, path: f.path}
	ok := true
	for i, a := range f.mod.Args {
		if args[len(f.mod.Inputs)+i] != nil || a.Default == nil {
			ok = ok && (a.Optional || args[len(f.mod.Inputs)+i] != nil)
			continue
		}
		if a.Sized != sized {
			continue
		}
		v := in.constant(a.Default)
		if syntax.IsBad(v) {
			ok = false
			continue
		}
		if v == nil && a.Nil {
			ex.taken.add(c, a, nil)
			f.consts[a.Name] = nil
			continue
		}
		ex.look(v)
		value, fits := syntax.OfKind(v, a.Kind)
		if !fits {
			ex.fail(f, diag.InvalidArgument, a.Default.At(), "", "the default of %s must be %s, got %s", a.Name, syntax.Article(a.Kind), ir.Describe(v))
			ok = false
			continue
		}
		if problem := a.Refuses(value); problem != "" {
			ex.fail(f, diag.InvalidArgument, a.Default.At(), "", "the default of %s %s", a.Name, problem)
			ok = false
			continue
		}
		if ex.taken != nil {
			ex.look(value)
		}
		ex.taken.add(c, a, value)
		if a.Kind == syntax.ArgScalar {
			f.values[a.Name] = value
		} else {
			f.consts[a.Name] = value
		}
	}
	return ok
}

// Defaults are the values of arguments that calls omit, each value once. A call in a module
// can have several, as the module can be called in different ways.
type Defaults map[Argument][]any

type Argument struct {
	Call diag.Range
	Name string
}

// MaxDefaults is how many values of one argument are kept.
const MaxDefaults = 5

func (t Defaults) add(c *expr.Call, a *syntax.Arg, v any) {
	if t == nil {
		return
	}
	at := Argument{c.At(), a.Name}
	same := func(old any) bool { return reflect.DeepEqual(old, v) }
	if values := t[at]; len(values) < MaxDefaults && !slices.ContainsFunc(values, same) {
		t[at] = append(values, v)
	}
}
