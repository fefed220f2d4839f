package build

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// maxRepeat bounds `repeat`.
const maxRepeat = 100_000

// wholeCall expands a call that is a whole node: its parameters are under the node's own
// path, and the node's reserved keys apply.
func (ex *expander) wholeCall(c *expr.Call, def *syntax.Node) any {
	path := ex.path
	if def.Path != "" {
		path = ex.join(ex.f.path, def.Path)
		ex.Graph.Put(path, ex.path)
		ex.renamed[ir.PlainPath(ex.path)] = ir.PlainPath(path)
	}
	outer := *ex.f
	if def.Device != "" {
		outer.device = def.Device
	}
	if def.Dtype != ir.Invalid {
		outer.dtype = def.Dtype
	}
	outer.frozen = outer.frozen || def.Frozen
	if def.Precision != ir.Invalid {
		outer.precision = ir.Precision{Low: def.Precision}
	}
	together, ok := ex.together(def)
	if !ok {
		return syntax.Bad{}
	}
	t, _ := c.Target.(*check.Target)
	if t == nil {
		return syntax.Bad{}
	}
	with, ok := ex.sharing(def.Share, t)
	if !ok {
		return syntax.Bad{}
	}
	if def.HasRepeat {
		return ex.repeat(c, def, t, path, with, &outer, together)
	}
	ex.beginSegment(&outer, together)
	if with != nil && with.times > 0 {
		return ex.fail(ex.f, diag.InvalidArgument, def.Share.At, fmt.Sprintf("share with one of them, %s[0], or add repeat: %d", with.name, with.times),
			"%s is repeated %d times, and has as many sets of parameters", with.name, with.times)
	}
	if !ex.tie(def.Share, path) {
		return syntax.Bad{}
	}
	v := ex.once(def, t, c, path, with, &outer)
	ex.tied(def.Share, t, path, v)
	return v
}

// repeat stacks a module. with is what its repetitions share, or nil; together, how many of
// them the backward pass computes again at a time.
func (ex *expander) repeat(c *expr.Call, def *syntax.Node, t *check.Target, path string, with *use, outer *frame, together int) any {
	if def.Repeat == nil {
		return syntax.Bad{}
	}
	times := ex.constant(def.Repeat)
	n, ok := times.(int)
	switch {
	case syntax.IsBad(times):
		return syntax.Bad{}
	case !ok || n < 1:
		return ex.fail(ex.f, diag.InvalidArgument, def.Repeat.At(), syntax.KindHelp(times, syntax.ArgInt), "repeat must be an int of at least 1, got %s", ir.Describe(times))
	case n > maxRepeat:
		return ex.fail(ex.f, diag.GraphTooLarge, def.Repeat.At(), "", "repeat must be at most %d, got %d", maxRepeat, n)
	case t.Module == nil || len(t.Args) == 0 || t.Args[0] == nil || len(t.Module.Inputs) == 0:
		return ex.fail(ex.f, diag.InvalidArgument, def.Repeat.At(), "", "repeat applies only to modules with an input")
	case with != nil && with.times > 0 && with.times != n:
		return ex.fail(ex.f, diag.InvalidArgument, def.Repeat.At(), "", "%s is repeated %d times, and this node %d times, so they can't share parameters one by one", with.name, with.times, n)
	}
	_, named := ex.f.consts[syntax.RepeatIndex]
	if !named {
		defer delete(ex.f.consts, syntax.RepeatIndex)
	}
	var all repeated
	for i := range n {
		if !named {
			ex.f.consts[syntax.RepeatIndex] = i
		}
		from := len(ex.Graph.Nodes)
		ex.named(len(path) + len("[10]"))
		step := fmt.Sprintf("%s[%d]", path, i)
		if together > 0 && i%together == 0 {
			ex.beginSegment(outer, together)
		}
		if !ex.tie(def.Share, step) {
			return syntax.Bad{}
		}
		v := ex.once(def, t, c, step, ex.repetition(def.Share, with, path, i), outer, all.passed(t.Module)...)
		ex.tied(def.Share, t, step, v)
		ex.own(from, step, "")
		ex.nameNode(v, step, "")
		if syntax.IsBad(v) || ex.full {
			return syntax.Bad{}
		}
		all = append(all, v)
	}
	ex.stacked(def.Share, path, n)
	return all
}

// passed are the first inputs of the next repetition: the result of the one before, or its
// outputs in their order.
func (r repeated) passed(m *syntax.Module) []any {
	if len(r) == 0 {
		return nil
	}
	of, several := r[len(r)-1].(outputs)
	if !several {
		return r[len(r)-1:]
	}
	var first []any
	for _, o := range m.Outputs[:min(len(m.Outputs), len(m.Inputs))] {
		first = append(first, of[o.Name])
	}
	return first
}

// once applies a module, along a dim if the node says so.
func (ex *expander) once(def *syntax.Node, t *check.Target, c *expr.Call, path string, with *use, outer *frame, given ...any) any {
	if def.Scan != nil {
		return ex.scanned(def.Scan, t, c, path, with, outer, given...)
	}
	return ex.instantiate(t, c, path, with, outer, given...)
}

// instantiate builds a module: its parameters and states under path, or those of with,
// unless that is nil; its nodes, its outputs. given are its first arguments, where they were
// expanded before.
func (ex *expander) instantiate(t *check.Target, c *expr.Call, path string, with *use, outer *frame, given ...any) any {
	if t == nil || t.Module.Recursive {
		return syntax.Bad{}
	}
	m := t.Module
	if ex.to != ex.Builder {
		return ex.fail(ex.f, diag.InvalidOperation, c.At(), "", "initial values can't call modules, such as %s", m.Name)
	}
	f := outer.callee(m, path, c.At())
	if ex.item != nil {
		f.shared, f.sharedInside = f.shared || ex.item.Shared, f.sharedInside || ex.item.SharedInside
	}
	ex.share(f, with)
	if f.depth > maxNesting {
		ex.full = true
		return ex.fail(ex.f, diag.GraphTooLarge, c.At(), "", "modules are nested more than %d levels deep", maxNesting)
	}
	if ex.full {
		return syntax.Bad{}
	}
	ex.list.Budget.Spend(diag.Expanding, callCost+syntax.BindCost*m.Size())
	ex.builtIn(f)
	rounds := f.computeIn(m)
	from := len(ex.Graph.Nodes)
	inputs := make([]any, len(m.Inputs))
	ok := true
	for i := range t.Args {
		var v any
		if i < len(given) {
			v = given[i]
		} else {
			v = ex.moduleArgument(m, i, t.Args[i], f)
		}
		ok = ok && !syntax.IsBad(v)
		if i < len(inputs) {
			inputs[i] = v
		}
	}
	own := len(ex.Graph.Nodes)
	args := f.inherit(with, t.Args)
	if !ok || !ex.defaults(f, args, c, false) || !ex.bindInputs(f, inputs, t, c) || !ex.defaults(f, args, c, true) {
		return syntax.Bad{}
	}
	made := len(ex.Graph.Nodes)
	if !ex.required(f, c) || !ex.parameters(f) || !ex.moduleStates(f) {
		return syntax.Bad{}
	}
	ex.outline.arguments(ex.Graph.Nodes[from:], cmp.Or(ex.f.path, ex.path))
	use := ex.outline.begin(path, m.Name)
	ex.runBody(f)
	ex.commitStates(f)
	v := ex.result(f)
	if f.precision != ex.f.precision {
		ex.compute(made, f.precision)
	}
	if rounds {
		ex.round(made, v)
	}
	ex.inSegment(f, own)
	ex.outline.end(use, v)
	ex.remember(f)
	return v
}

// moduleArgument expands argument i of a call, and puts it into the frame unless it is an
// input.
func (ex *expander) moduleArgument(m *syntax.Module, i int, e expr.Expr, f *frame) any {
	switch {
	case e == nil && i < len(m.Inputs):
		return syntax.Bad{}
	case e == nil:
		return nil // a default
	case i < len(m.Inputs):
		return ex.expand(e)
	}
	a := m.Args[i-len(m.Inputs)]
	if a.Kind == syntax.ArgScalar {
		v := ex.expand(e)
		if !syntax.IsBad(v) && !isScalar(v) {
			v = ex.fail(ex.f, diag.InvalidArgument, e.At(), syntax.KindHelp(v, syntax.ArgScalar), "the argument %s of %s must be a scalar, got %s", a.Name, m.Name, ir.Describe(v))
		}
		if problem := a.Refuses(v); problem != "" {
			v = ex.fail(ex.f, diag.InvalidArgument, e.At(), "", "the argument %s of %s %s", a.Name, m.Name, problem)
		}
		f.values[a.Name] = v
		return v
	}
	v := ex.constant(e)
	f.consts[a.Name] = ex.accepted(a, v, e.At(), "the argument "+a.Name+" of "+m.Name, true)
	return f.consts[a.Name]
}

// accepted brings the value of an argument, given by a call or its default, to its kind,
// and checks its bounds. What it can't be is reported, and bad.
func (ex *expander) accepted(a *syntax.Arg, v any, at diag.Range, what string, given bool) any {
	if syntax.IsBad(v) || v == nil && a.Nil {
		return v
	}
	ex.look(v)
	value, ok := a.Accept(v)
	if !ok {
		help := ""
		if given {
			help = syntax.KindHelp(v, a.Kind)
		}
		return ex.fail(ex.f, diag.InvalidArgument, at, help, "%s must be %s, got %s", what, a.Article(), ir.Describe(v))
	}
	if problem := a.Refuses(value); problem != "" {
		return ex.fail(ex.f, diag.InvalidArgument, at, "", "%s %s", what, problem)
	}
	return value
}

func isScalar(v any) bool {
	n, ok := v.(*ir.Node)
	return isNumber(v) || ok && len(n.Type.Shape) == 0 && n.Type.DType != ir.Bool
}

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
	return names[b.AnyName] || slices.ContainsFunc(b.Dims, func(d expr.Expr) bool {
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

// result is the value of a call.
func (ex *expander) result(f *frame) any {
	if len(f.mod.Outputs) == 0 || f.mod.Outputs[0].Value == nil {
		return syntax.Bad{} // reported
	}
	in := &expander{graph: ex.graph, f: f, to: ex.to, path: f.path}
	r := outputs{}
	for _, o := range f.mod.Outputs {
		r[o.Name] = ex.narrowed(f, in.expand(o.Value))
	}
	if f.mod.Single {
		return r[f.mod.Outputs[0].Name]
	}
	return r
}
