package build

import (
	"cmp"
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

// expander expands the expressions of one node of a spec. A value is a *ir.Node, or known
// at compile time: int, float64, bool, string, nil, []any; or bad.
type expander struct {
	*graph
	f    *frame
	to   *ir.Builder    // the graph, or that of initial values
	path string         // of the node
	item *syntax.Item   // the node, of a body
	made map[string]int // how often modules and random operations are in it

	implied    ir.Shape // of random operations that name none
	hasImplied bool
	noNodes    bool // the value must be known at compile time
	blind      bool // no names of values are visible
}

// node expands the right side of a node.
func (ex *expander) node(def *syntax.Node) any {
	if def.Test != nil {
		switch ex.condition(def.Test) {
		case true:
			return ex.node(def.Then)
		case false:
			return ex.node(def.Else)
		}
		return syntax.Bad{}
	}
	if def.Value == nil {
		return syntax.Bad{}
	}
	from := len(ex.Graph.Nodes)
	var v any
	if c, ok := def.Value.(*expr.Call); ok && (def.HasRepeat || isModuleCall(c)) {
		v = ex.wholeCall(c, def)
	} else {
		v = ex.expand(def.Value)
		ex.compute(from, ir.Precision{Low: def.Precision})
	}
	if def.Device != "" {
		ex.own(from, ex.path, def.Device)
	}
	return v
}

func isModuleCall(c *expr.Call) bool {
	t, _ := c.Target.(*check.Target)
	return t != nil && t.Module != nil
}

// condition evaluates the condition of a choice: a bool, or bad.
func (ex *expander) condition(e expr.Expr) any {
	test := ex.constant(e)
	if _, ok := test.(bool); ok || syntax.IsBad(test) {
		return test
	}
	return ex.fail(ex.f, diag.InvalidArgument, e.At(), syntax.KindHelp(test, syntax.ArgBool), "the condition must be a bool, got %s", ir.Describe(test))
}

// constant evaluates an expression that must be known at compile time.
func (ex *expander) constant(e expr.Expr) any {
	outer := ex.noNodes
	ex.noNodes = true
	v := ex.expand(e)
	ex.noNodes = outer
	return v
}

// expand expands an expression.
func (ex *expander) expand(e expr.Expr) any {
	v := ex.raw(e)
	if r, ok := v.(repeated); ok {
		return r[len(r)-1]
	}
	return v
}

// raw is expand that keeps the parts of repeated nodes.
func (ex *expander) raw(e expr.Expr) any {
	if ex.full {
		return syntax.Bad{}
	}
	if ex.f.mod == nil || !ex.f.mod.Std {
		ex.list.Budget.At(e.At())
	}
	ex.list.Budget.Spend(diag.Expanding, expandCost)
	switch e := e.(type) {
	case *expr.Name:
		return ex.name(e)
	case *expr.Literal:
		return e.Value
	case *expr.List:
		list := make([]any, len(e.Items))
		for i, item := range e.Items {
			list[i] = ex.expand(item)
		}
		if anyBad(list) {
			return syntax.Bad{}
		}
		ex.weigh(list)
		return list
	case *expr.Index:
		return ex.index(e)
	case *expr.Member:
		return ex.member(e)
	case *expr.Unary:
		return ex.unary(e)
	case *expr.Binary:
		return ex.binary(e)
	case *expr.Cond:
		switch ex.condition(e.Test) {
		case true:
			return ex.expand(e.Then)
		case false:
			return ex.expand(e.Else)
		}
	case *expr.Call:
		return ex.call(e)
	}
	return syntax.Bad{}
}

// values are the names of values that the expression sees.
func (ex *expander) values() map[string]any {
	switch {
	case ex.blind:
		return nil
	case ex.to != ex.Builder:
		return ex.f.initial
	}
	return ex.f.values
}

func (ex *expander) name(n *expr.Name) any {
	if !ex.noNodes {
		if v, ok := ex.values()[n.Name]; ok {
			if a, is := v.(absent); is {
				return ex.absent(a, n.At())
			}
			return v
		}
	}
	if v, ok := ex.f.consts[n.Name]; ok {
		if def := ex.f.vars[n.Name]; def != nil {
			ex.uses.used(def, n.At())
		}
		return v
	}
	return syntax.Bad{}
}

func (ex *expander) absent(a absent, at diag.Range) syntax.Bad {
	if a.generation {
		ex.report(ex.f, diag.Diagnostic{Rule: diag.AbsentParameter, Range: at,
			Message: fmt.Sprintf("`%s` exists only while text is generated", a.name),
			Notes:   []diag.Note{{Message: "declared here", Range: a.at}},
			Help:    "use it where `generating` is true: {if: generating, then: …, else: …}"})
		return syntax.Bad{}
	}
	ex.report(ex.f, diag.Diagnostic{Rule: diag.AbsentParameter, Range: at,
		Message: fmt.Sprintf("`%s` does not exist because its `when` is false", a.name),
		Notes:   []diag.Note{{Message: "declared here", Range: a.at}},
		Help:    "use it conditionally: {if: …, then: …, else: …}"})
	return syntax.Bad{}
}

func (ex *expander) index(e *expr.Index) any {
	x, at := ex.raw(e.X), ex.constant(e.Index)
	if syntax.IsBad(x) || syntax.IsBad(at) {
		return syntax.Bad{}
	}
	list, ok := x.([]any)
	if r, is := x.(repeated); is {
		list, ok = r, true
	}
	if !ok {
		return ex.fail(ex.f, diag.InvalidOperation, e.At(), "to take part of a tensor, use slice(x, dim, start, end)",
			"only lists and repeated nodes can be indexed, not %s", ir.Describe(x))
	}
	i, ok := at.(int)
	if !ok || i < -len(list) || i >= len(list) {
		return ex.fail(ex.f, diag.InvalidArgument, e.Index.At(), "", "the index must be from 0 to %d, not %v", len(list)-1, at)
	}
	if i < 0 {
		i += len(list)
	}
	return list[i]
}

// member expands x.name: a parameter by its path, or an output of a module.
func (ex *expander) member(e *expr.Member) any {
	path, isPath := ex.pathOf(e)
	if isPath && ex.to == ex.Builder && !ex.noNodes {
		if s := ex.stateAt(ex.f.at(ex.join(ex.f.path, path))); s != nil {
			return s.Read
		}
	}
	if _, nested := e.X.(*expr.Member); !nested {
		x := ex.raw(e.X)
		if r, is := x.(repeated); is {
			x = r[len(r)-1]
		}
		switch x := x.(type) {
		case syntax.Bad:
			return x
		case outputs:
			if v, ok := x[e.Name]; ok {
				return v
			}
			return ex.fail(ex.f, diag.UnknownName, e.At(), ex.list.Suggestion(e.Name, slices.Collect(maps.Keys(x))), "the module has no output `%s`", e.Name)
		}
	}
	help := ex.parameterHelp(path)
	if attribute := attributes[e.Name]; attribute != "" {
		help = strings.ReplaceAll(attribute, "…", strings.TrimSuffix(path, "."+e.Name))
	}
	return ex.fail(ex.f, diag.UnknownName, e.At(), help, "unknown parameter `%s`", path)
}

// parameterHelp suggests a parameter instead of one that doesn't exist.
func (ex *expander) parameterHelp(path string) string {
	if ex.list.Full() {
		return ""
	}
	return ex.list.Suggestion(path, slices.Collect(maps.Keys(ex.states)))
}

// attributes are those of tensors in other libraries, and what replaces them here.
var attributes = map[string]string{
	"T": "write transpose(…)", "mT": "write transpose(…)",
	"shape":  "give the sizes names in an input's type, f32[batch, 8], and use those",
	"ndim":   "the number of dimensions is part of an input's type",
	"dtype":  "the dtype follows from the operands; convert it with cast(…, \"f16\")",
	"device": "set the device on the node, {exp: x, device: cpu}, or under placement",
	"grad":   "write grad(y, …) for the gradient of the scalar y",
	"data":   "write …",

	// Of operations that give two tensors in PyTorch.
	"values":  "… is one tensor: write …",
	"indices": "… is one tensor; argsort, argmax, argmin, argcummax and argcummin give indices",
}

// pathOf writes h[0].weight as a path.
func (ex *expander) pathOf(e expr.Expr) (string, bool) {
	switch e := e.(type) {
	case *expr.Name:
		return e.Name, true
	case *expr.Member:
		p, ok := ex.pathOf(e.X)
		return p + "." + e.Name, ok
	case *expr.Index:
		p, ok := ex.pathOf(e.X)
		i, isInt := ex.constant(e.Index).(int)
		return p + "[" + strconv.Itoa(i) + "]", ok && isInt
	}
	return "", false
}

func (ex *expander) unary(e *expr.Unary) any {
	x := ex.expand(e.X)
	if syntax.IsBad(x) {
		return x
	}
	if !isNode(x) {
		v, err := comptime.Negate(e.Op, x)
		return ex.computed(e.At(), v, err)
	}
	if e.Op == "+" {
		return x
	}
	return ex.apply(ir.LookupOperator(e.Op, 1), []any{x}, []expr.Expr{e.X}, e.At())
}

func (ex *expander) binary(e *expr.Binary) any {
	x, y := ex.expand(e.X), ex.expand(e.Y)
	if syntax.IsBad(x) || syntax.IsBad(y) {
		return syntax.Bad{}
	}
	if !isNode(x) && !isNode(y) {
		return ex.constants(e, x, y)
	}
	return ex.apply(ir.LookupOperator(e.Op, 2), []any{x, y}, []expr.Expr{e.X, e.Y}, e.At())
}

// constants evaluates an operator on values known at compile time.
func (ex *expander) constants(e *expr.Binary, x, y any) any {
	_, listX := x.([]any)
	_, listY := y.([]any)
	if listX && listY { // before they are joined
		ex.list.Budget.Spend(diag.Listing, syntax.ElementCost*(ex.weight(x)+ex.weight(y)))
	}
	result, err := comptime.Apply(e.Op, x, y)
	if err != nil && (ex.noNumber(e.X, x, e.Op) || ex.noNumber(e.Y, y, e.Op)) {
		return syntax.Bad{}
	}
	if help := cmp.Or(ex.severalHelp([]expr.Expr{e.X}, 0, x), ex.severalHelp([]expr.Expr{e.Y}, 0, y)); err != nil && help != "" {
		return ex.fail(ex.f, diag.InvalidOperation, e.At(), help, "%s", err)
	}
	v := ex.computed(e.At(), result, err)
	if list, ok := v.([]any); ok && len(list) > 0 {
		ex.weights[&list[0]] = ex.weight(x) + ex.weight(y)
	}
	return v
}

// noNumber reports a var that isn't a number as an operand of arithmetic.
func (ex *expander) noNumber(e expr.Expr, v any, op string) bool {
	if ex.uses.vars[e.At()] == nil || isNumber(v) {
		return false
	}
	ex.fail(ex.f, diag.InvalidOperation, e.At(), syntax.KindHelp(v, syntax.ArgFloat), "`%s` requires numbers, got %s", op, ir.Describe(v))
	return true
}

// computed turns an error of compile-time arithmetic into a diagnostic.
func (ex *expander) computed(at diag.Range, v any, err error) any {
	var f *comptime.Fault
	if errors.As(err, &f) {
		return ex.fail(ex.f, f.Rule, at, "", "%s", f.Msg)
	}
	return v
}
