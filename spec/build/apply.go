package build

import (
	"cmp"
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

// call expands a call inside an expression.
func (ex *expander) call(c *expr.Call) any {
	t, _ := c.Target.(*check.Target)
	switch {
	case t == nil:
		return syntax.Bad{}
	case t.Next != "":
		if v, ok := ex.f.nexts[t.Next]; ok && ex.to == ex.Builder {
			if a, is := v.(absent); is {
				return ex.absent(a, c.At())
			}
			return v
		}
		return syntax.Bad{}
	case t.Module != nil:
		return ex.instantiate(t, c, ex.numbered(ex.join(ex.path, cmp.Or(t.Module.Path, c.Name))), nil, ex.f)
	}
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		switch {
		case a == nil:
		case t.Op != nil && t.Sig.Params[i].Constant:
			args[i] = ex.constant(a)
		default:
			args[i] = ex.expand(a)
		}
	}
	if anyBad(args) {
		return syntax.Bad{}
	}
	noNumber := func(v any) bool { return !isNumber(v) }
	if t.Function != nil && (!slices.ContainsFunc(args, noNumber) || t.Op == nil && !isNode(args[0])) {
		v, err := t.Function(args)
		if err != nil {
			err = &comptime.Fault{Rule: err.(*comptime.Fault).Rule, Msg: c.Name + ": " + err.Error()}
		}
		return ex.computed(c.At(), v, err)
	}
	if t.Op == nil {
		help, _ := foreign.Function(c.Name)
		return ex.fail(ex.f, diag.NotCompileTime, c.At(), help, "%s requires arguments known at compile time", c.Name)
	}
	return ex.apply(t.Op, args, t.Args, c.At())
}

func isNode(v any) bool { _, is := v.(*ir.Node); return is }

func isNumber(v any) bool {
	switch v.(type) {
	case int, float64:
		return true
	}
	return false
}

// numbered makes the path of something inside a node unique.
func (ex *expander) numbered(path string) string {
	if ex.made == nil {
		ex.made = map[string]int{}
	}
	ex.made[path]++
	ex.named(len(path))
	if n := ex.made[path]; n > 1 {
		return fmt.Sprintf("%s_%d", path, n)
	}
	return path
}

// apply builds a node of an operation. args are in the order of its parameters
// that specs see; exprs are where they come from.
func (ex *expander) apply(op *ir.Op, args []any, exprs []expr.Expr, at diag.Range) any {
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
			all[i] = ex.hidden(p)
			continue
		}
		if given < len(args) {
			all[i] = args[given]
		}
		if op.Random && p.Name == "shape" && all[i] == nil && ex.hasImplied {
			all[i] = []int(ex.implied)
		}
		given++
	}
	ex.to.Origin = ex.f.origin(at)
	n, err := ex.to.Call(op, all)
	if err != nil {
		return ex.refused(op, err, all, exprs, at)
	}
	if op.Inline {
		n = op.Decompose(ex.to, n)
	}
	return n
}

// hidden gives the arguments that the program adds to operations: those that draw random
// numbers always, or, where they can do without, in training.
func (ex *expander) hidden(p ir.Param) any {
	switch {
	case p.Optional && !ex.training, p.Name == ir.WideResult: // precision may set it
		return nil
	case p.Name == "training":
		return true
	case p.Kind == ir.KInt:
		return ir.RandomKey(ex.def.Seed, ex.numbered(ex.path))
	case ex.to != ex.Builder:
		return ex.first.step
	}
	return ex.step
}

// refused reports an error of a type rule or of the binding of arguments.
func (ex *expander) refused(op *ir.Op, err error, args []any, exprs []expr.Expr, at diag.Range) syntax.Bad {
	ex.look(args...)
	d := diag.Diagnostic{Rule: diag.InvalidArgument, Range: at, Message: err.Error()}
	if !strings.HasPrefix(d.Message, op.Name+" ") {
		d.Message = op.Name + ": " + d.Message
	}
	var fault *ir.ArgError
	if errors.As(err, &fault) {
		d.Help = fault.Help
		i := syntax.OpSignature(op).Index(fault.Param)
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
			if d.Rule = diag.TypeMismatch; !fault.DType {
				d.Rule = ex.operandRule(op, args)
			}
			d.Notes = ex.operandNotes(args, exprs)
		} else {
			d.Notes = ex.notesOf(d.Message, args, exprs)
		}
	}
	for i, a := range given(op, args) {
		if help := ex.severalHelp(exprs, i, a); help != "" && d.Help == "" {
			d.Help = help
			d.Rule = diag.TypeMismatch
		}
	}
	ex.report(ex.f, d)
	return syntax.Bad{}
}

// given are the arguments that a spec can give.
func given(op *ir.Op, args []any) (all []any) {
	for i, a := range args {
		if !op.Params[i].Hidden {
			all = append(all, a)
		}
	}
	return all
}

// faultyItem is the index of the wrong element of a list argument, or -1 if it is the
// whole list.
func faultyItem(kind ir.ParamKind, arg any, index int) int {
	if list, ok := arg.([]any); ok && (kind == ir.KInts || kind == ir.KDims) {
		return slices.IndexFunc(list, func(v any) bool { _, isInt := v.(int); return !isInt })
	}
	if index > 0 {
		return index
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

// operandRule distinguishes shape errors from dtype errors: if operands of the same shapes
// in f32 are accepted, the dtypes are wrong.
func (ex *expander) operandRule(op *ir.Op, args []any) diag.Rule {
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

// notesOf is operandNotes of those operands that a message about another argument is about,
// as it has their shapes.
func (ex *expander) notesOf(message string, args []any, exprs []expr.Expr) (notes []diag.Note) {
	for _, a := range args {
		n, isNode := a.(*ir.Node)
		if isNode && len(n.Type.Shape) > 0 && strings.Contains(message, n.Type.Shape.String()) {
			return ex.operandNotes(args, exprs)
		}
	}
	return nil
}

// operandNotes says what the named operands are, and where they come from.
func (ex *expander) operandNotes(args []any, exprs []expr.Expr) []diag.Note {
	var notes []diag.Note
	add := func(e expr.Expr, v any) {
		n, isNode := v.(*ir.Node)
		if name, isName := ex.pathOf(e); isNode && isName {
			note := diag.Note{Message: fmt.Sprintf("%s is %s", name, n.Type), Range: n.Origin}
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	for i, a := range args[:min(len(args), len(exprs))] {
		if list, ok := exprs[i].(*expr.List); ok {
			if values, ok := a.([]any); ok && len(values) == len(list.Items) {
				for j, item := range list.Items {
					add(item, values[j])
				}
			}
		} else if exprs[i] != nil {
			add(exprs[i], a)
		}
	}
	return notes
}
