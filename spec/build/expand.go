package build

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// expander evaluates the expressions of one node of a spec. A value is a *ir.Node,
// or known at compile time: int, float64, bool, string, nil, []any; or bad.
type expander struct {
	*graph
	f    *frame
	to   *ir.Builder    // the graph, or that of first values
	path string         // of the node
	made map[string]int // how often modules and random operations are in it

	implied    ir.Shape // of random operations that name none
	hasImplied bool
	noNodes    bool // the place is compile-time
	blind      bool // no names of values are visible
}

// node evaluates the right side of a node.
func (ev *expander) node(def *syntax.Node) any {
	if def.Test != nil {
		test := ev.constant(def.Test)
		switch b, ok := test.(bool); {
		case syntax.IsBad(test):
			return syntax.Bad{}
		case !ok:
			return ev.fail(ev.f, diag.InvalidArgument, def.Test.At(), syntax.KindHelp(test, syntax.ArgBool), "the condition must be a bool, got %s", ir.Describe(test))
		case b:
			return ev.node(def.Then)
		}
		return ev.node(def.Else)
	}
	if def.Value == nil {
		return syntax.Bad{}
	}
	from := len(ev.Graph.Nodes)
	var v any
	if c, ok := def.Value.(*expr.Call); ok && (def.HasRepeat || isModuleCall(c)) {
		v = ev.wholeCall(c, def)
	} else {
		v = ev.expand(def.Value)
	}
	if def.Device != "" {
		ev.own(from, ev.path, def.Device)
	}
	return v
}

func isModuleCall(c *expr.Call) bool {
	t, _ := c.Target.(*check.Target)
	return t != nil && t.Module != nil
}

// constant evaluates an expression in a compile-time place.
func (ev *expander) constant(e expr.Expr) any {
	outer := ev.noNodes
	ev.noNodes = true
	v := ev.expand(e)
	ev.noNodes = outer
	return v
}

// expand evaluates an expression.
func (ev *expander) expand(e expr.Expr) any {
	v := ev.raw(e)
	if r, ok := v.(repeated); ok {
		return r[len(r)-1]
	}
	return v
}

// raw is eval that keeps the parts of repeated nodes.
func (ev *expander) raw(e expr.Expr) any {
	if ev.full {
		return syntax.Bad{}
	}
	if ev.f.mod == nil || !ev.f.mod.Std {
		ev.list.Budget.At(e.At())
	}
	ev.list.Budget.Spend(diag.Expanding, expandCost)
	switch e := e.(type) {
	case *expr.Name:
		return ev.name(e)
	case *expr.Literal:
		return e.Value
	case *expr.List:
		list := make([]any, len(e.Items))
		for i, item := range e.Items {
			list[i] = ev.expand(item)
		}
		if anyBad(list) {
			return syntax.Bad{}
		}
		ev.weigh(list)
		return list
	case *expr.Index:
		return ev.index(e)
	case *expr.Member:
		return ev.member(e)
	case *expr.Unary:
		return ev.unary(e)
	case *expr.Binary:
		return ev.binary(e)
	case *expr.Cond:
		test := ev.constant(e.Test)
		switch b, ok := test.(bool); {
		case syntax.IsBad(test):
			return syntax.Bad{}
		case !ok:
			return ev.fail(ev.f, diag.InvalidArgument, e.Test.At(), syntax.KindHelp(test, syntax.ArgBool), "the condition must be a bool, got %s", ir.Describe(test))
		case b:
			return ev.expand(e.Then)
		}
		return ev.expand(e.Else)
	case *expr.Call:
		return ev.call(e)
	}
	return syntax.Bad{}
}

// values are the names of values that the expression sees.
func (ev *expander) values() map[string]any {
	switch {
	case ev.blind:
		return nil
	case ev.to != ev.Builder:
		return ev.f.initial
	}
	return ev.f.values
}

func (ev *expander) name(n *expr.Name) any {
	if !ev.noNodes {
		if v, ok := ev.values()[n.Name]; ok {
			if a, is := v.(absent); is {
				return ev.absent(a, n.At())
			}
			return v
		}
	}
	if v, ok := ev.f.consts[n.Name]; ok {
		if def := ev.f.vars[n.Name]; def != nil {
			ev.uses.used(def, n.At())
		}
		return v
	}
	return syntax.Bad{}
}

func (ev *expander) absent(a absent, at diag.Range) syntax.Bad {
	ev.report(ev.f, diag.Diagnostic{Rule: diag.AbsentParameter, Range: at,
		Message: fmt.Sprintf("%s isn't there: its `when` is false", a.name),
		Notes:   []diag.Note{{Message: "its declaration", Range: a.at}},
		Help:    "choose with {if: …, then: …, else: …}"})
	return syntax.Bad{}
}

func (ev *expander) index(e *expr.Index) any {
	x, at := ev.raw(e.X), ev.constant(e.Index)
	if syntax.IsBad(x) || syntax.IsBad(at) {
		return syntax.Bad{}
	}
	list, ok := x.([]any)
	if r, is := x.(repeated); is {
		list, ok = r, true
	}
	if !ok {
		return ev.fail(ev.f, diag.InvalidOperation, e.At(), "take a part of a tensor with slice(x, dim, start, end)",
			"only lists and repeated nodes have elements; this is %s", ir.Describe(x))
	}
	i, ok := at.(int)
	if !ok || i < -len(list) || i >= len(list) {
		return ev.fail(ev.f, diag.InvalidArgument, e.Index.At(), "", "the list has elements 0 to %d, not %v", len(list)-1, at)
	}
	if i < 0 {
		i += len(list)
	}
	return list[i]
}

// member evaluates x.name: a parameter by its path, or an output of a module.
func (ev *expander) member(e *expr.Member) any {
	path, isPath := ev.pathOf(e)
	if isPath && ev.to == ev.Builder && !ev.noNodes {
		if s := ev.states[ir.PlainPath(ev.join(ev.f.path, path))]; s != nil {
			return s.Read
		}
	}
	if _, nested := e.X.(*expr.Member); !nested {
		switch x := ev.raw(e.X).(type) {
		case syntax.Bad:
			return x
		case record:
			if v, ok := x[e.Name]; ok {
				return v
			}
			return ev.fail(ev.f, diag.UnknownName, e.At(), ev.list.Suggestion(e.Name, recordNames(x)), "the module has no output %s", e.Name)
		}
	}
	var names []string
	if !ev.list.Full() {
		names = slices.Collect(maps.Keys(ev.states))
	}
	help := ev.list.Suggestion(path, names)
	if attribute := attributes[e.Name]; attribute != "" {
		help = strings.ReplaceAll(attribute, "…", strings.TrimSuffix(path, "."+e.Name))
	}
	return ev.fail(ev.f, diag.UnknownName, e.At(), help, "there is no parameter %s", path)
}

// attributes are those of tensors elsewhere, and what stands for them here.
var attributes = map[string]string{
	"T": "write transpose(…)", "mT": "write transpose(…)",
	"shape":  "give the sizes names in an input's type, f32[batch, 8], and use those",
	"ndim":   "an input's type says how many dims there are",
	"dtype":  "values have the dtype of what they are made of; cast(…, \"f16\") changes it",
	"device": "a device is a node's key, {exp: x, device: cpu}, or stands under placement",
	"grad":   "write grad(y, …), the gradient of the scalar y with respect to it",
	"data":   "write … alone",
}

func recordNames(r record) []string {
	var names []string
	for name := range r {
		names = append(names, name)
	}
	return names
}

// pathOf writes h[0].weight as a path.
func (ev *expander) pathOf(e expr.Expr) (string, bool) {
	switch e := e.(type) {
	case *expr.Name:
		return e.Name, true
	case *expr.Member:
		p, ok := ev.pathOf(e.X)
		return p + "." + e.Name, ok
	case *expr.Index:
		p, ok := ev.pathOf(e.X)
		i, isInt := ev.constant(e.Index).(int)
		return p + "[" + strconv.Itoa(i) + "]", ok && isInt
	}
	return "", false
}

func (ev *expander) unary(e *expr.Unary) any {
	x := ev.expand(e.X)
	if syntax.IsBad(x) {
		return x
	}
	if _, ok := x.(*ir.Node); !ok {
		return ev.computed(e.At())(comptime.Negate(e.Op, x))
	}
	if e.Op == "+" {
		return x
	}
	return ev.apply(ir.LookupOperator(e.Op, 1), []any{x}, []expr.Expr{e.X}, e.At())
}

func (ev *expander) binary(e *expr.Binary) any {
	x, y := ev.expand(e.X), ev.expand(e.Y)
	if syntax.IsBad(x) || syntax.IsBad(y) {
		return syntax.Bad{}
	}
	_, nodeX := x.(*ir.Node)
	_, nodeY := y.(*ir.Node)
	if !nodeX && !nodeY {
		return ev.constants(e, x, y)
	}
	return ev.apply(ir.LookupOperator(e.Op, 2), []any{x, y}, []expr.Expr{e.X, e.Y}, e.At())
}

// constants computes an operator on what is known at compile time.
func (ev *expander) constants(e *expr.Binary, x, y any) any {
	_, listX := x.([]any)
	_, listY := y.([]any)
	if listX && listY { // before they are joined
		ev.list.Budget.Spend(diag.Listing, syntax.ElementCost*(ev.weight(x)+ev.weight(y)))
	}
	result, err := comptime.Apply(e.Op, x, y)
	if err != nil && (ev.noNumber(e.X, x, e.Op) || ev.noNumber(e.Y, y, e.Op)) {
		return syntax.Bad{}
	}
	v := ev.computed(e.At())(result, err)
	if list, ok := v.([]any); ok && len(list) > 0 {
		ev.weights[&list[0]] = ev.weight(x) + ev.weight(y)
	}
	return v
}

// noNumber refuses a var that is no number as an operand of arithmetic.
func (ev *expander) noNumber(e expr.Expr, v any, op string) bool {
	if ev.uses.vars[e.At()] == nil || syntax.KindOf(v) == syntax.ArgInt || syntax.KindOf(v) == syntax.ArgFloat {
		return false
	}
	ev.fail(ev.f, diag.InvalidOperation, e.At(), syntax.KindHelp(v, syntax.ArgFloat), "`%s` is applied to numbers, got %s", op, ir.Describe(v))
	return true
}

// computed turns a fault of compile-time arithmetic into a diagnostic.
func (ev *expander) computed(at diag.Range) func(v any, err error) any {
	return func(v any, err error) any {
		var f *comptime.Fault
		if errors.As(err, &f) {
			return ev.fail(ev.f, f.Rule, at, "", "%s", f.Msg)
		}
		return v
	}
}
