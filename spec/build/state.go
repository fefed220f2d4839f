package build

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// newState adds a state. Two of one name are a problem; ok is false then.
func (g *graph) newState(f *frame, name string, kind ir.StateKind, t ir.Type, at diag.Range) (s *ir.State, ok bool) {
	if old := g.states[name]; old != nil {
		g.report(f, diag.Diagnostic{Rule: diag.DuplicateName, Range: at,
			Message: fmt.Sprintf("duplicate state `%s`", name),
			Notes:   []diag.Note{{Message: "first defined here", Range: old.Origin}},
			Help:    duplicateHelp(f)})
		return old, false
	}
	g.Origin = f.origin(at)
	from := len(g.Graph.Nodes)
	s = g.NewState(name, kind, t)
	s.Device = f.device
	s.Read.Device = f.device
	g.own(from, name, "")
	g.states[name] = s
	return s, true
}

// stateless reports a module that owns parameters or states where nothing would train or
// write them.
func (ex *expander) stateless(f *frame, kind, name string) bool {
	if f.stateless == "" {
		return false
	}
	help := "call it in the model instead"
	if kind == "state" {
		help = "call it in a model node or a metric instead"
	}
	ex.fail(f.caller, diag.InvalidOperation, f.site, help, "%s can't call %s: its %s `%s` would never be %s", f.stateless, f.mod.Name,
		kind, name, map[string]string{"parameter": "trained", "state": "written"}[kind])
	return true
}

// parameters makes the parameters of a frame.
func (ex *expander) parameters(f *frame) bool {
	ok := true
	in := &expander{graph: ex.graph, f: f, to: ex.Builder, path: f.path}
	for _, p := range f.mod.Params {
		there, good := in.present(p.When)
		if !good {
			ok = false
			continue
		}
		if !there {
			f.values[p.Name] = absent{name: p.Name, at: p.At}
			f.initial[p.Name] = f.values[p.Name]
			continue
		}
		if ex.stateless(f, "parameter", p.Name) {
			return false
		}
		if p.Shape == nil || p.Init == nil {
			ok = false
			continue
		}
		shape, good := in.sizes(p.Shape, "the parameter "+p.Name)
		if !good {
			ok = false
			continue
		}
		t := ir.Type{DType: f.dtype, Shape: shape}
		if err := ir.CheckShape(t.DType, shape); err != nil {
			ex.fail(f, diag.InvalidArgument, p.At, "", "the parameter %s: %s", p.Name, err)
			ok = false
			continue
		}
		taken := f.shares != nil || ex.states[ir.PlainPath(ex.parameterPath(f, p))] != nil
		s := ex.parameter(f, p, t)
		if s == nil {
			if ok = false; taken {
				break // its other parameters would have the same fault
			}
			continue
		}
		f.values[p.Name], f.initial[p.Name] = ex.widened(f, s.Read), ex.first.nodes[s.Name]
		if f.mod.Widen {
			f.initial[p.Name] = ex.first.Cast(ex.first.nodes[s.Name], f.dtype.Wide())
		}
	}
	return ok
}

// parameter makes a parameter, or finds the one that f shares; nil was reported.
func (ex *expander) parameter(f *frame, p *syntax.Parameter, t ir.Type) *ir.State {
	path := ex.parameterPath(f, p)
	if s, shared := ex.sharedParameter(f, p, path, t); shared {
		if s != nil && ex.first.nodes[s.Name] == nil {
			return nil // its initial value was reported
		}
		return s
	}
	s, fresh := ex.newState(f, ir.PlainPath(path), ir.ParamState, t, p.At)
	if !fresh || !ex.firstValue(f, s, p.Init, path) {
		return nil
	}
	ex.frozen[s] = f.frozen
	return s
}

// present evaluates a `when`; good is false if that was reported.
func (ex *expander) present(when expr.Expr) (there, good bool) {
	if when == nil {
		return true, true
	}
	v := ex.constant(when)
	there, good = v.(bool)
	if !good && !syntax.IsBad(v) {
		ex.fail(ex.f, diag.InvalidArgument, when.At(), "", "`when` must be a bool, got %s", ir.Describe(v))
	}
	return there, good
}

// firstValue builds the first value of a state of known type, unless another
// graph of the program has done so.
func (ex *expander) firstValue(f *frame, s *ir.State, init expr.Expr, path string) bool {
	if ex.first.nodes[s.Name] != nil {
		return true
	}
	in := &expander{graph: ex.graph, f: f, to: ex.first.Builder, path: path, implied: s.Type.Shape, hasImplied: true, blind: true}
	n := in.fit(in.expand(init), s.Type, "the initial value of "+s.Name, init.At())
	if n != nil {
		ex.first.set(s.Name, n)
	}
	return n != nil
}

// fit brings a value to a type: numbers fill it, floats change their width, and integers
// theirs but not to u8, in which few would fit.
// Anything else that differs is reported, and gives nil.
func (ex *expander) fit(v any, t ir.Type, what string, at diag.Range) *ir.Node {
	if !ex.fits(v, t, what, at) {
		return nil
	}
	ex.to.Origin = ex.f.origin(at)
	if n, ok := v.(*ir.Node); ok {
		return ex.to.CastFor(n, t.DType, fmt.Sprintf("%s is %s", what, t.DType))
	}
	return ex.filled(t, v)
}

// fits reports whether fit can bring a value to a type; if not, that was
// reported.
func (ex *expander) fits(v any, t ir.Type, what string, at diag.Range) bool {
	n, ok := v.(*ir.Node)
	if !ok {
		switch v := v.(type) {
		case syntax.Bad:
			return false
		case bool:
			return true
		case int:
			if t.DType == ir.Bool || hasNumber(t.DType, v) {
				return true
			}
		case float64:
			if t.DType.IsFloat() {
				return true
			}
		}
		ex.fail(ex.f, diag.TypeMismatch, at, "", "%s must be %s, got %s", what, t, ir.Describe(v))
		return false
	}
	if !n.Type.Shape.Equal(t.Shape) {
		ex.fail(ex.f, diag.ShapeMismatch, at, "", "%s must be %s, got %s", what, t, n.Type)
		return false
	}
	if n.Type.DType != t.DType && !(n.Type.DType.IsFloat() && t.DType.IsFloat()) && !(n.Type.DType.IsInt() && t.DType.IsInt() && t.DType != ir.U8) {
		ex.fail(ex.f, diag.TypeMismatch, at, "use cast(x, \""+t.DType.String()+"\") to convert it", "%s must be %s, got %s", what, t, n.Type)
		return false
	}
	return true
}

func (ex *expander) filled(t ir.Type, v any) *ir.Node {
	if len(t.Shape) == 0 {
		return ex.to.Scalar(t.DType, v)
	}
	return ex.to.Apply(ir.LookupOp("full"), []int(t.Shape), v, t.DType)
}

// moduleStates makes the states of a frame. A state's type is its initial value's.
func (ex *expander) moduleStates(f *frame) bool {
	ok := true
	for _, st := range f.mod.States {
		there, good := (&expander{graph: ex.graph, f: f, to: ex.Builder}).present(st.When)
		if !good {
			ok = false
			continue
		}
		if there && st.Carry {
			ok = ex.carry(f, st, ex.join(f.path, st.Name)) && ok
			continue
		}
		if !there || st.Generation && !ex.generating {
			f.values[st.Name] = absent{name: st.Name, at: st.At, generation: there}
			continue
		}
		path := ex.join(f.at(f.path), st.Name)
		if st.Generation { // what earlier tokens gave this call, whatever it shares
			path = ex.join(f.path, st.Name)
		}
		if f.mod.Accumulate && !f.gathers {
			n := ex.beginning(f, st, path)
			ok = ok && n != nil
			f.values[st.Name] = n
			continue
		}
		if ex.stateless(f, "state", st.Name) {
			return false
		}
		if ex.scan != nil {
			ex.fail(f.caller, diag.InvalidOperation, f.site, "call it outside of the scan; what goes from one position to the next is a carry",
				"%s has the state `%s`, which steps write, so it can't be part of a scan", f.mod.Name, st.Name)
			return false
		}
		name := ir.PlainPath(path)
		if s := ex.states[name]; s != nil && f.shares != nil && !st.Generation {
			f.values[st.Name], f.initial[st.Name] = cmp.Or(s.Next, s.Read), ex.first.nodes[name]
			continue
		}
		n := ex.first.nodes[name]
		if n == nil {
			if st.Init == nil {
				ok = false
				continue
			}
			in := &expander{graph: ex.graph, f: f, to: ex.first.Builder, path: path}
			if n = in.tensor(in.expand(st.Init), "the initial value of "+st.Name, st.Init.At()); n == nil {
				ok = false
				continue
			}
			ex.first.set(name, n)
		}
		kind := f.kind
		if f.mod.Accumulate {
			kind = ir.AccumulatorState
		}
		if st.Generation {
			kind = ir.GenerationState
		}
		s, fresh := ex.newState(f, name, kind, n.Type, st.At)
		ok = ok && fresh
		f.values[st.Name], f.initial[st.Name] = s.Read, n
	}
	return ok
}

// beginning is the initial value of a state of an accumulating module, for a batch that
// begins with it; nil was reported.
func (ex *expander) beginning(f *frame, st *syntax.State, path string) *ir.Node {
	if st.Init == nil {
		return nil
	}
	in := &expander{graph: ex.graph, f: f, to: ex.Builder, path: path}
	return in.tensor(in.expand(st.Init), "the initial value of "+st.Name, st.Init.At())
}

// gathered is the new value of a state of an accumulating module: a node of the state's
// type that is made for it since from, so that what is computed from it can be told from
// what is computed from its batch.
func (ex *expander) gathered(it *syntax.Item, v any, from int) any {
	before, ok := ex.f.values[it.Name].(*ir.Node)
	if !ok || syntax.IsBad(v) {
		return syntax.Bad{}
	}
	n := ex.fit(v, before.Type, "the state "+it.Name, it.Def.At)
	if n == nil {
		return syntax.Bad{}
	}
	if n.ID < from {
		n = ex.Apply(ir.LookupOp("reshape"), n, []int(n.Type.Shape))
	}
	return n
}

// tensor makes a node of a value: numbers become f32, i32 or bool scalars. A bad one is
// nil, as is any other, which is reported.
func (ex *expander) tensor(v any, what string, at diag.Range) *ir.Node {
	ex.to.Origin = ex.f.origin(at)
	switch v := v.(type) {
	case syntax.Bad:
		return nil
	case *ir.Node:
		return v
	case bool:
		return ex.to.Scalar(ir.Bool, v)
	case float64:
		return ex.to.Scalar(ir.F32, v)
	case int:
		if int(int32(v)) != v {
			return ex.to.Scalar(ir.I64, v)
		}
		return ex.to.Scalar(ir.I32, v)
	}
	help := severalHelp("write %s", "", v)
	if name, is := strings.CutPrefix(what, "the output "); is { // the name of a node
		help = severalHelp("make a node of %s", name, v)
	}
	ex.fail(ex.f, diag.TypeMismatch, at, help, "%s must be a tensor, got %s", what, ir.Describe(v))
	return nil
}

// commitStates lets a step write what the frame's updates computed: a step of training, or
// one of generation, which writes its own states alone. In a spec without training it only
// checks whether a step could.
func (ex *expander) commitStates(f *frame) {
	ex.carryOn(f)
	if f.mod.Accumulate {
		ex.commitGathered(f)
		return
	}
	if !f.commit && ex.def.Train != nil && !ex.generating {
		return
	}
	in := &expander{graph: ex.graph, f: f, to: ex.Builder, path: f.path}
	for _, it := range f.mod.Items {
		v := f.nexts[it.Name]
		if _, none := v.(absent); none || !it.Write || v == nil || syntax.IsBad(v) || it.Name == "param" && f.mod.Optimizer {
			continue
		}
		s := ex.stateOf(f, it.Name)
		if s == nil {
			continue
		}
		if !f.commit && s.Kind != ir.GenerationState {
			in.fits(v, s.Type, "the state "+it.Name, it.Def.At)
		} else if n := in.fit(v, s.Type, "the state "+it.Name, it.Def.At); n != nil {
			s.Next = n
		}
	}
}

// commitGathered lets a step of an evaluation write what the frame's updates gathered.
func (ex *expander) commitGathered(f *frame) {
	if !f.gathers {
		return
	}
	for _, it := range f.mod.Items {
		s := ex.stateOf(f, it.Name)
		if n, ok := f.nexts[it.Name].(*ir.Node); ok && it.Write && s != nil {
			s.Next = n
		}
	}
}
