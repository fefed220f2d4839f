package build

import (
	"cmp"
	"fmt"

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
	if !ex.required(f, c, inputs, "") || !ex.parameters(f) || !ex.moduleStates(f) {
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
	if a.Kind == syntax.ArgTensor {
		return ex.tensorArgument(m, a, e, f)
	}
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

// givenTensor stands for a tensor that is an argument where compile-time contexts ask whether
// there is one: whether it is nil.
type givenTensor struct{}

func (givenTensor) String() string { return "a tensor" }

// tensorArgument is moduleArgument for a tensor, of any type, or nil.
func (ex *expander) tensorArgument(m *syntax.Module, a *syntax.Arg, e expr.Expr, f *frame) any {
	v := ex.expand(e)
	switch v.(type) {
	case *ir.Node:
		f.values[a.Name], f.consts[a.Name] = v, givenTensor{}
	case nil:
		if a.Nil {
			f.consts[a.Name] = nil
			break
		}
		v = ex.fail(ex.f, diag.InvalidArgument, e.At(), "", "the argument %s of %s must be a tensor, got nil", a.Name, m.Name)
	case syntax.Bad:
	default:
		v = ex.fail(ex.f, diag.InvalidArgument, e.At(), "", "the argument %s of %s must be a tensor, got %s", a.Name, m.Name, ir.Describe(v))
	}
	return v
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
