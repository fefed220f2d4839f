package build

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// defaults fills in the arguments that a call omits: those whose default depends on
// symbolic dimensions once these are bound, all others before.
func (ex *expander) defaults(f *frame, args []expr.Expr, c *expr.Call, sized bool) bool {
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
		value := in.accepted(a, in.constant(a.Default), a.Default.At(), "the default of "+a.Name, false)
		if syntax.IsBad(value) {
			ok = false
			continue
		}
		if ex.taken != nil {
			ex.look(value)
		}
		ex.taken.add(c, a, value)
		if a.Kind == syntax.ArgScalar && value != nil {
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

// required checks what a module requires of a call's arguments and its inputs' dimensions. of
// ends the message.
func (ex *expander) required(f *frame, c *expr.Call, inputs []any, of string) bool {
	in := &expander{graph: ex.graph, f: f, to: ex.to, path: f.path}
	for _, req := range f.mod.Require {
		v := in.constant(req.Cond)
		holds, ok := v.(bool)
		switch {
		case syntax.IsBad(v):
			return false
		case !ok:
			ex.fail(f, diag.InvalidArgument, req.Cond.At(), "", "a requirement must be a bool, got %s", ir.Describe(v))
			return false
		case !holds:
			ex.report(ex.f, diag.Diagnostic{Rule: diag.InvalidArgument, Range: c.At(), Notes: f.sizedBy(req.Cond, inputs),
				Message: fmt.Sprintf("%s requires that %s, but %s%s", f.mod.Name, req.Text, f.named(req.Cond), of)})
			return false
		}
	}
	return true
}

// sizedBy says which inputs a compile-time expression has dimensions of, and where they
// come from.
func (f *frame) sizedBy(e expr.Expr, inputs []any) (notes []diag.Note) {
	used := map[string]bool{}
	expr.Walk(e, func(e expr.Expr) bool {
		if n, ok := e.(*expr.Name); ok {
			used[n.Name] = true
		}
		return true
	})
	for i, given := range inputs {
		n, isNode := given.(*ir.Node)
		if t := f.mod.Inputs[i].Type; isNode && n.Origin.Known() && t != nil && mentions(t, used) {
			notes = append(notes, valueNote(f.mod.Inputs[i].Name, n))
		}
	}
	return notes
}

// named lists the names in a compile-time expression with their values.
func (f *frame) named(e expr.Expr) string {
	var all []string
	expr.Walk(e, func(e expr.Expr) bool {
		if n, ok := e.(*expr.Name); ok {
			if text := n.Name + " is " + brief(f.consts[n.Name]); !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
		return true
	})
	return strings.Join(all, " and ")
}

// Modules that widen compute f16 and bf16 in f32: rounded after every operation, squares
// would overflow and small differences vanish.

// widened is an input or a parameter as the body of f sees it.
func (ex *expander) widened(f *frame, n *ir.Node) *ir.Node {
	if !f.mod.Widen || !n.Type.DType.IsFloat() {
		return n
	}
	f.narrow = ir.Promote(f.narrow, n.Type.DType)
	ex.Origin = f.origin(f.site)
	return ex.CastFor(n, n.Type.DType.Wide(), f.mod.Name+" computes in f32")
}

// narrowed rounds a value that the body of f computed to the dtype in which its
// inputs and parameters meet.
func (ex *expander) narrowed(f *frame, v any) any {
	n, ok := v.(*ir.Node)
	if !ok || !f.narrow.IsHalf() || !n.Type.DType.IsFloat() {
		return v
	}
	ex.Origin = f.origin(f.site)
	return ex.CastFor(n, f.narrow, fmt.Sprintf("%s gives %s, rounded once", f.mod.Name, f.narrow))
}
