package build

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// call evaluates a call inside of an expression.
func (ev *expander) call(c *expr.Call) any {
	t, _ := c.Target.(*check.Target)
	switch {
	case t == nil:
		return syntax.Bad{}
	case t.Next != "":
		if v, ok := ev.f.nexts[t.Next]; ok && ev.to == ev.Builder {
			if a, is := v.(absent); is {
				return ev.absent(a, c.At())
			}
			return v
		}
		return syntax.Bad{}
	case t.Module != nil:
		name := c.Name
		if t.Module.Path != "" {
			name = t.Module.Path
		}
		return ev.instantiate(t, c, ev.numbered(ev.join(ev.path, name)), ev.f)
	}
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		switch {
		case a == nil:
		case t.Op != nil && t.Sig.Params[i].Constant:
			args[i] = ev.constant(a)
		default:
			args[i] = ev.expand(a)
		}
	}
	if anyBad(args) {
		return syntax.Bad{}
	}
	if t.Function != nil && (allNumbers(args) || t.Op == nil && !isNode(args[0])) {
		v, err := t.Function(args)
		if err != nil {
			err = &comptime.Fault{Rule: err.(*comptime.Fault).Rule, Msg: c.Name + ": " + err.Error()}
		}
		return ev.computed(c.At())(v, err)
	}
	if t.Op == nil {
		help, _ := foreign.Function(c.Name)
		return ev.fail(ev.f, diag.NotCompileTime, c.At(), help, "%s takes what is known at compile time", c.Name)
	}
	return ev.apply(t.Op, args, t.Args, c.At())
}

func isNode(v any) bool { _, is := v.(*ir.Node); return is }

func allNumbers(args []any) bool {
	for _, a := range args {
		switch a.(type) {
		case int, float64:
		default:
			return false
		}
	}
	return true
}

// numbered makes the name of something inside of a node distinct from others
// of the same name there.
func (ev *expander) numbered(path string) string {
	if ev.made == nil {
		ev.made = map[string]int{}
	}
	ev.made[path]++
	ev.named(len(path))
	if n := ev.made[path]; n > 1 {
		return fmt.Sprintf("%s_%d", path, n)
	}
	return path
}

// likes are operations that need a tensor's type and not its value. Written out
// they don't depend on it.
var likes = []string{"zeros_like", "ones_like", "full_like", "type_as"}

// apply builds a node of an operation. args are in the order of its parameters
// that specs see; exprs are where they come from.
func (ev *expander) apply(op *ir.Op, args []any, exprs []expr.Expr, at diag.Range) any {
	if op == nil {
		return syntax.Bad{}
	}
	all := make([]any, len(op.Params))
	given := 0
	for i, p := range op.Params {
		if p.Derived {
			continue
		}
		if p.Hidden {
			all[i] = ev.hidden(p.Name)
			continue
		}
		if given < len(args) {
			all[i] = args[given]
		}
		if op.Random && p.Name == "shape" && all[i] == nil && ev.hasImplied {
			all[i] = []int(ev.implied)
		}
		given++
	}
	ev.to.Origin = ev.f.origin(at)
	n, err := ev.to.Call(op, all)
	if err != nil {
		return ev.refused(op, err, all, exprs, at)
	}
	if slices.Contains(likes, op.Name) {
		n = op.Decompose(ev.to, n)
	}
	return n
}

// hidden gives the arguments of random operations that the program adds.
func (ev *expander) hidden(name string) any {
	switch {
	case name == "key":
		return ir.RandomKey(ev.def.Seed, ev.numbered(ev.path))
	case ev.to != ev.Builder:
		return ev.first.step
	}
	return ev.step
}

// refused reports what a type rule or the binding of arguments found.
func (ev *expander) refused(op *ir.Op, err error, args []any, exprs []expr.Expr, at diag.Range) syntax.Bad {
	ev.look(args...)
	d := diag.Diagnostic{Rule: diag.InvalidArgument, Range: at, Message: err.Error()}
	if !strings.HasPrefix(d.Message, op.Name+" ") {
		d.Message = op.Name + ": " + d.Message
	}
	var fault *ir.ArgError
	if errors.As(err, &fault) {
		d.Help = fault.Help
		i := visibleParam(op, fault.Param)
		tensor := i >= 0 && op.Params[op.Param(fault.Param)].Kind.IsTensor()
		if i >= 0 && i < len(exprs) && exprs[i] != nil && (!tensor || operands(args) < 2) {
			d.Range = exprs[i].At()
			if list, ok := exprs[i].(*expr.List); ok {
				if at := faultyItem(op.Params[op.Param(fault.Param)].Kind, args[op.Param(fault.Param)], fault.Index); at >= 0 && at < len(list.Items) {
					d.Range = list.Items[at].At()
				}
			}
		}
		if tensor || fault.Param == "" && operands(args) > 0 {
			d.Rule = ev.operandRule(op, args)
			d.Notes = ev.operandNotes(args, exprs)
		}
	}
	ev.report(ev.f, d)
	return syntax.Bad{}
}

// faultyItem is the element of a list argument that is at fault, or -1 if it is
// the list as a whole.
func faultyItem(kind ir.ParamKind, arg any, index int) int {
	if list, ok := arg.([]any); ok && (kind == ir.KInts || kind == ir.KDims) {
		return slices.IndexFunc(list, func(v any) bool { _, isInt := v.(int); return !isInt })
	}
	if index > 0 {
		return index
	}
	return -1
}

// visibleParam is the place of a parameter among those that specs see, or -1.
func visibleParam(op *ir.Op, name string) int {
	i := 0
	for _, p := range op.Params {
		if p.Hidden {
			continue
		}
		if p.Name == name {
			return i
		}
		i++
	}
	return -1
}

// operands counts the tensors among arguments.
func operands(args []any) int {
	total := 0
	for _, a := range args {
		switch a := a.(type) {
		case *ir.Node:
			total++
		case []any:
			total += operands(a)
		}
	}
	return total
}

// operandRule tells shapes from dtypes: where operands of the same shapes in
// f32 are fine, the dtypes were at fault.
func (ev *expander) operandRule(op *ir.Op, args []any) diag.Rule {
	for i, p := range op.Params[:min(len(op.Params), len(args))] {
		if _, isText := args[i].(string); isText && p.Kind == ir.KTensor {
			return diag.TypeMismatch
		}
	}
	scratch := ir.NewBuilder(&ir.Graph{})
	if _, err := scratch.Call(op, inFloat(args)); err == nil {
		return diag.TypeMismatch
	}
	return diag.ShapeMismatch
}

func inFloat(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case *ir.Node:
			out[i] = &ir.Node{Op: ir.StateOp, Name: a.Name, Type: ir.Type{DType: ir.F32, Shape: a.Type.Shape}}
		case []any:
			out[i] = inFloat(a)
		default:
			out[i] = a
		}
	}
	return out
}

// operandNotes says what the named operands are, and where they come from.
func (ev *expander) operandNotes(args []any, exprs []expr.Expr) []diag.Note {
	var notes []diag.Note
	add := func(e expr.Expr, v any) {
		n, isNode := v.(*ir.Node)
		if name, isName := ev.pathOf(e); isNode && isName {
			note := diag.Note{Message: fmt.Sprintf("%s is %s", name, n.Type), Range: n.Origin}
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	i := 0
	for _, a := range args {
		if i >= len(exprs) {
			break
		}
		if list, ok := exprs[i].(*expr.List); ok {
			if values, ok := a.([]any); ok && len(values) == len(list.Items) {
				for j, item := range list.Items {
					add(item, values[j])
				}
			}
		} else if exprs[i] != nil {
			add(exprs[i], a)
		}
		i++
	}
	return notes
}
