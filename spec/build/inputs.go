package build

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// bindInputs checks the inputs of a call against their types, and gives symbolic
// dimensions their sizes.
func (ex *expander) bindInputs(f *frame, inputs []any, t *check.Target, c *expr.Call) bool {
	ok := true
	for i, in := range f.mod.Inputs {
		if in.Type == nil {
			ok = false
			continue
		}
		at := c.At()
		if i < len(t.Args) && t.Args[i] != nil {
			at = t.Args[i].At()
		}
		n, isNode := inputs[i].(*ir.Node)
		if !isNode {
			n, isNode = ex.number(inputs[i], in.Type)
		}
		if !isNode {
			ex.fail(ex.f, diag.InvalidArgument, at, ex.severalHelp(t.Args, i, inputs[i]), "the input %s of %s must be a tensor, got %s", in.Name, f.mod.Name, ir.Describe(inputs[i]))
			ok = false
			continue
		}
		if problem := ex.matches(f, in.Type, n.Type); problem == reported {
			ok = false
			continue
		} else if problem != "" {
			d := diag.Diagnostic{Rule: diag.ShapeMismatch, Range: at,
				Message: fmt.Sprintf("the input %s of %s must be %s, got %s: %s", in.Name, f.mod.Name, ex.written(in.Type), n.Type, problem)}
			if !syntax.AcceptsDType(in.Type.DType, n.Type.DType) {
				d.Rule = diag.TypeMismatch
				if f.mod.Std {
					d.Help = foreign.OtherDTypes[f.mod.Name+"."+in.Name]
				}
			}
			if i == 0 && n != inputs[i] {
				d.Help = "the first argument is the input: " + f.mod.Name + "(x, …)"
			}
			ex.list.Budget.Spend(diag.Comparing, syntax.BindCost*i)
			for j, other := range f.mod.Inputs[:i+1] {
				given, isNode := inputs[j].(*ir.Node)
				if isNode && given.Origin.Known() && (j == i && given.Origin != at || j < i && sharesDimension(in.Type, other.Type)) {
					d.Notes = append(d.Notes, valueNote(other.Name, given))
				}
			}
			ex.report(ex.f, d)
			ok = false
			continue
		}
		n = ex.widened(f, n)
		f.values[in.Name] = n
		f.initial[in.Name] = ex.first.standIn(in.Name, n.Type)
	}
	return ok
}

// sharesDimension reports whether both types have a symbolic dimension in common, so that
// the value of one determines the other.
func sharesDimension(a, b *expr.Type) bool {
	if b == nil {
		return false
	}
	names := map[string]bool{a.AnyName: a.AnyName != ""}
	for _, d := range a.Dims {
		if n, ok := d.(*expr.Name); ok {
			names[n.Name] = true
		}
	}
	return mentions(b, names)
}

// mentions reports whether a type has one of the symbolic dimensions.
func mentions(t *expr.Type, names map[string]bool) bool {
	return names[t.AnyName] || slices.ContainsFunc(t.Dims, func(d expr.Expr) bool {
		n, ok := d.(*expr.Name)
		return ok && names[n.Name]
	})
}

// valueNote gives the type and position of an input's value.
func valueNote(input string, n *ir.Node) diag.Note {
	return diag.Note{Message: fmt.Sprintf("%s is %s", cmp.Or(n.Name, "the input "+input), n.Type), Range: n.Origin}
}

// number makes a tensor of a compile-time number that is given for an input: of the
// input's dtype if that has the number.
func (ex *expander) number(v any, t *expr.Type) (*ir.Node, bool) {
	var d ir.DType
	switch v := v.(type) {
	case bool:
		d = ir.Bool
	case float64:
		d = ir.F32
	case int:
		switch {
		case t.DType == "float":
			d = ir.F32
		case ir.I32.HasInt(int64(v)):
			d = ir.I32
		default:
			d = ir.I64
		}
	default:
		return nil, false
	}
	if named, ok := ir.ParseDType(t.DType); ok && hasNumber(named, v) {
		d = named
	}
	return ex.Scalar(d, v), true
}

// hasNumber reports whether d has a number, which floats may round.
func hasNumber(d ir.DType, v any) bool {
	switch v := v.(type) {
	case int:
		return d.IsFloat() || d.HasInt(int64(v))
	case float64:
		return d.IsFloat() || v == math.Trunc(v) && math.Abs(v) < 1<<62 && d.HasInt(int64(v))
	}
	return true
}

// written is a type as its module declares it, for messages.
func (ex *expander) written(t *expr.Type) string {
	var dims []string
	for _, d := range t.Dims {
		switch d := d.(type) {
		case *expr.Name:
			dims = append(dims, d.Name)
		case *expr.Literal:
			dims = append(dims, fmt.Sprint(d.Value))
		default:
			dims = append(dims, "…")
		}
	}
	if t.Any {
		dims = slices.Insert(dims, t.AnyAt, "..."+t.AnyName)
	}
	return t.DType + "[" + strings.Join(dims, ", ") + "]"
}

// matches compares a value's type with a declared one, binding the dimensions
// that are free. It says what doesn't fit, or "".
func (g *graph) matches(f *frame, t *expr.Type, have ir.Type) string {
	if !syntax.AcceptsDType(t.DType, have.DType) {
		return fmt.Sprintf("%s is not %s", have.DType, t.DType)
	}
	rest := len(have.Shape) - len(t.Dims) // how many dimensions "..." stands for
	if rest < 0 || rest > 0 && !t.Any {
		return fmt.Sprintf("it has %s", diag.Count(len(have.Shape), "dimension"))
	}
	if t.AnyName != "" {
		if problem := bindRest(f, t.AnyName, have.Shape[t.AnyAt:t.AnyAt+rest]); problem != "" {
			return problem
		}
	}
	in := &expander{graph: g, f: f, to: g.Builder}
	for i, d := range t.Dims {
		at := i
		if t.Any && i >= t.AnyAt {
			at += rest
		}
		size := have.Shape[at]
		if n, ok := d.(*expr.Name); ok {
			if _, bound := f.consts[n.Name]; !bound {
				f.consts[n.Name] = size
				continue
			}
		}
		want := in.constant(d)
		if syntax.IsBad(want) {
			continue
		}
		if n, isInt := want.(int); !isInt || n < 0 {
			g.fail(f, diag.InvalidArgument, d.At(), syntax.KindHelp(want, syntax.ArgInt), "a dimension must be an int of at least 0, got %s", ir.Describe(want))
			return reported
		}
		if want != size {
			if n, ok := d.(*expr.Name); ok {
				return fmt.Sprintf("%s is %v here, not %d", n.Name, want, size)
			}
			return fmt.Sprintf("dimension %d is %d, not %v", at, size, want)
		}
	}
	return ""
}

// reported is what matches says if what doesn't fit was reported already.
const reported = "reported"

// bindRest gives the dimensions that "...name" stands for their name, or compares
// them with those that have it already.
func bindRest(f *frame, name string, sizes ir.Shape) string {
	list := make([]any, len(sizes))
	for i, size := range sizes {
		list[i] = size
	}
	bound, is := f.consts[name]
	if !is {
		f.consts[name] = list
		return ""
	}
	if want, ok := bound.([]any); !ok || !slices.Equal(want, list) {
		return fmt.Sprintf("%s is %s here, not %s", name, strings.ReplaceAll(fmt.Sprint(bound), " ", ", "), sizes)
	}
	return ""
}
