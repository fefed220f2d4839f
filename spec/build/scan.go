package build

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// scanning is a scan whose body is being built. The body's nodes are built like others, on
// stand-ins for slices and carries; ending the scan moves them.
type scanning struct {
	*ir.ScanBuilder
	step *ir.Node // that of the graph around it
	next map[int]*ir.Node
	low  map[*ir.Node]*ir.Node // of the body's values, those that are computed in a low dtype

	goesOn bool              // carries are states of generation
	path   string            // of the call
	begun  *ir.State         // whether there was a step of the generation before
	states map[int]*ir.State // what carries are at the end of a step of a generation
}

// scanned builds a module that is applied along a dim: its value has what each position
// gives, or what the last one does.
func (ex *expander) scanned(def *syntax.Scan, t *check.Target, c *expr.Call, path string, with *use, outer *frame, given ...any) any {
	if t == nil || t.Module == nil || t.Module.Recursive || def.Dim == nil {
		return syntax.Bad{}
	}
	m := t.Module
	if ex.to != ex.Builder {
		return ex.instantiate(t, c, path, with, outer, given...) // which refuses it
	}
	inputs, ok := ex.scanInputs(m, t, given)
	over, known := ex.scannedInputs(def, m)
	reverse, right := ex.scanFlag(def.Reverse, "reverse")
	generation, fine := ex.scanFlag(def.Generation, "generation")
	if !ok || !known || !right || !fine || generation && !ex.canGoOn(def, m, reverse) {
		return syntax.Bad{}
	}
	dims, length, ok := ex.scanDims(def, m, t, inputs, over)
	if !ok {
		return syntax.Bad{}
	}
	use := ex.outline.begin(path, m.Name)
	outline, around, step, from := ex.outline, ex.scan, ex.step, len(ex.Graph.Nodes)
	ex.Origin = ex.f.origin(c.At())
	s := &scanning{ScanBuilder: ex.BeginScan(length, reverse), step: step, next: map[int]*ir.Node{},
		goesOn: generation && ex.generating, path: path, states: map[int]*ir.State{}}
	for i, dim := range dims {
		inputs[i] = s.Slice(inputs[i].(*ir.Node), dim)
	}
	ex.outline, ex.scan = nil, s
	ex.step = ex.Apply(ir.LookupOp("add"), ex.Apply(ir.LookupOp("mul"), step, length), s.Position)
	v := ex.instantiate(t, c, path, with, outer, inputs...)
	ex.outline, ex.scan, ex.step = outline, around, step
	ex.compute(from, ex.f.precision)
	ex.own(from, path, "")
	if syntax.IsBad(v) || !ex.inOnePlace(c, from) {
		return syntax.Bad{}
	}
	ex.lowerBody(s, from)
	v = ex.endScan(s, def, m, c, v)
	ex.outline.end(use, v)
	return v
}

// scanInputs expands the inputs of a call.
func (ex *expander) scanInputs(m *syntax.Module, t *check.Target, given []any) (inputs []any, ok bool) {
	ok = true
	for i := range m.Inputs {
		var v any = syntax.Bad{}
		switch {
		case i < len(given):
			v = given[i]
		case i < len(t.Args) && t.Args[i] != nil:
			v = ex.expand(t.Args[i])
		}
		ok = ok && !syntax.IsBad(v)
		inputs = append(inputs, v)
	}
	return inputs, ok
}

// scannedInputs are the inputs that a scan takes apart.
func (ex *expander) scannedInputs(def *syntax.Scan, m *syntax.Module) (over []int, ok bool) {
	if len(m.Inputs) == 0 {
		ex.fail(ex.f, diag.InvalidArgument, def.At, "", "%s has no input to scan", m.Name)
		return nil, false
	}
	if def.Over == nil {
		return []int{0}, true
	}
	ok = true
	for _, name := range def.Over {
		i := slices.IndexFunc(m.Inputs, func(in *syntax.Input) bool { return in.Name == name.Name })
		switch {
		case i < 0:
			var names []string
			for _, in := range m.Inputs {
				names = append(names, in.Name)
			}
			ex.fail(ex.f, diag.UnknownName, name.At, syntax.ThereIs(names), "%s has no input `%s`", m.Name, name.Name)
			ok = false
		case slices.Contains(over, i):
			ex.fail(ex.f, diag.DuplicateName, name.At, "", "the input %s is named twice", name.Name)
			ok = false
		default:
			over = append(over, i)
		}
	}
	return over, ok
}

// scanFlag evaluates a key that is a bool, false if absent.
func (ex *expander) scanFlag(e expr.Expr, key string) (on, ok bool) {
	if e == nil {
		return false, true
	}
	v := ex.constant(e)
	on, ok = v.(bool)
	if !ok && !syntax.IsBad(v) {
		ex.fail(ex.f, diag.InvalidArgument, e.At(), syntax.KindHelp(v, syntax.ArgBool), "%s must be a bool, got %s", key, ir.Describe(v))
	}
	return on, ok
}

// scanDims gives the dim of each input that is taken apart, and how many positions they
// have.
func (ex *expander) scanDims(def *syntax.Scan, m *syntax.Module, t *check.Target, inputs []any, over []int) (dims map[int]int, length int, ok bool) {
	v := ex.constant(def.Dim)
	written, isInt := v.(int)
	if !isInt {
		if !syntax.IsBad(v) {
			ex.fail(ex.f, diag.InvalidArgument, def.Dim.At(), syntax.KindHelp(v, syntax.ArgInt), "the dim of a scan must be an int, got %s", ir.Describe(v))
		}
		return nil, 0, false
	}
	dims = map[int]int{}
	for _, i := range over {
		name, at := m.Inputs[i].Name, def.At
		if i < len(t.Args) && t.Args[i] != nil {
			at = t.Args[i].At()
		}
		n, isNode := inputs[i].(*ir.Node)
		if !isNode {
			ex.fail(ex.f, diag.InvalidArgument, at, "", "the input %s is scanned, so it must be a tensor, got %s", name, ir.Describe(inputs[i]))
			return nil, 0, false
		}
		dim := written
		if dim < 0 {
			dim += len(n.Type.Shape)
		}
		if dim < 0 || dim >= len(n.Type.Shape) {
			ex.fail(ex.f, diag.InvalidArgument, def.Dim.At(), "", "the input %s is %s, which has no dim %d to scan", name, n.Type, written)
			return nil, 0, false
		}
		if dims[i] = dim; i == over[0] {
			length = n.Type.Shape[dim]
			continue
		}
		if first := inputs[over[0]].(*ir.Node); n.Type.Shape[dim] != length {
			d := diag.Diagnostic{Rule: diag.ShapeMismatch, Range: at,
				Message: fmt.Sprintf("%s and %s are scanned together, but %s is %s, with %s along dim %d, and %s is %s, with %d", m.Inputs[over[0]].Name, name,
					m.Inputs[over[0]].Name, first.Type, diag.Count(length, "position"), written, name, n.Type, n.Type.Shape[dim])}
			for _, i := range []int{over[0], i} {
				if n := inputs[i].(*ir.Node); n.Origin.Known() {
					d.Notes = append(d.Notes, valueNote(m.Inputs[i].Name, n))
				}
			}
			ex.report(ex.f, d)
			return nil, 0, false
		}
	}
	return dims, length, true
}

// inOnePlace reports nodes of a body that have a device of their own.
func (ex *expander) inOnePlace(c *expr.Call, from int) bool {
	for _, n := range ex.Graph.Nodes[from:] {
		if n.State == nil && n.Device != "" {
			ex.fail(ex.f, diag.InvalidOperation, c.At(), "put device: on the node that has the scan",
				"a scan runs on one device as a whole, but in it %s must run on %s", n.Path, n.Device)
			return false
		}
	}
	return true
}

// endScan puts the outputs of all positions together.
func (ex *expander) endScan(s *scanning, def *syntax.Scan, m *syntax.Module, c *expr.Call, v any) any {
	all, several := v.(outputs)
	if !several {
		all = outputs{"": v}
	}
	for i, name := range def.Last {
		if slices.ContainsFunc(def.Last[:i], func(l syntax.ScanName) bool { return l.Name == name.Name }) {
			return ex.fail(ex.f, diag.DuplicateName, name.At, "", "the output %s is named twice", name.Name)
		}
		if _, there := all[name.Name]; !there || !several {
			help := "write last: true"
			if several {
				help = syntax.ThereIs(slices.Sorted(maps.Keys(all)))
			}
			return ex.fail(ex.f, diag.UnknownName, name.At, help, "%s has no output `%s`", m.Name, name.Name)
		}
	}
	carried, kept, low := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		n, isNode := all[name].(*ir.Node)
		last := def.LastAll || slices.ContainsFunc(def.Last, func(l syntax.ScanName) bool { return l.Name == name })
		switch {
		case !isNode: // known at compile time, and the same at each position
		case last:
			carried[name] = ex.lastOf(s, n)
		default:
			dim := ex.constant(def.Dim).(int)
			if dim < 0 {
				dim += len(n.Type.Shape) + 1
			}
			if dim < 0 || dim > len(n.Type.Shape) {
				return ex.fail(ex.f, diag.ShapeMismatch, c.At(), "write scan: {dim: …, last: true} to keep the last value only, or let the output have more dims",
					"%s of %s is %s at each position, so all positions can't be put together along dim %v", outputName(name), m.Name, n.Type, ex.constant(def.Dim))
			}
			whole := ir.Type{DType: n.Type.DType, Shape: slices.Insert(slices.Clone(n.Type.Shape), dim, s.Length())}
			if err := ir.CheckShape(whole.DType, whole.Shape); err != nil {
				return ex.fail(ex.f, diag.ShapeMismatch, c.At(), "write scan: {dim: …, last: true} to keep the last value only",
					"%s of %s is %s at each position, and %s are kept: %v", outputName(name), m.Name, n.Type, diag.Count(s.Length(), "position"), err)
			}
			if v := s.low[n]; v != nil {
				n, low[name] = v, true
			}
			kept[name] = s.Keep(n, dim)
		}
	}
	ex.Origin = ex.f.origin(c.At())
	carries, stacks := s.End()
	if carries == nil && stacks == nil && len(carried)+len(kept) > 0 {
		return syntax.Bad{} // a bug, which the builder keeps
	}
	for i, was := range s.states {
		was.Next = carries[i]
	}
	for name, i := range carried {
		all[name] = carries[i]
	}
	for name, i := range kept {
		if all[name] = stacks[i]; low[name] {
			all[name] = ex.lowStack(stacks[i])
		}
	}
	if !several {
		return all[""]
	}
	return all
}

func outputName(name string) string {
	if name == "" {
		return "the output"
	}
	return "the output " + name
}

// lastOf is the number of a carry whose end is the last value of n.
func (ex *expander) lastOf(s *scanning, n *ir.Node) int {
	for i := range len(s.next) {
		if s.next[i] == n {
			return i
		}
	}
	_, number := s.Carry("last", ex.Fill(n.Type, 0))
	s.Next(number, n)
	return number
}

// carry begins a carry; it is false if that was reported.
func (ex *expander) carry(f *frame, st *syntax.State, path string) bool {
	s := ex.scan
	if s == nil {
		ex.fail(f.caller, diag.InvalidOperation, f.site, fmt.Sprintf("apply it along a dim, {%s: x, scan: 1}, or call it in a module that is", f.mod.Name),
			"%s has the carry `%s`, which goes from one position of a scan to the next, but there is no scan", f.mod.Name, st.Name)
		return false
	}
	if st.Init == nil {
		return false
	}
	in := &expander{graph: ex.graph, f: f, to: ex.Builder, path: path}
	step := ex.step
	ex.step = s.step
	n := in.tensor(in.expand(st.Init), "the initial value of "+st.Name, st.Init.At())
	ex.step = step
	if n == nil {
		return false
	}
	if s.Depends(n) {
		ex.fail(f, diag.InvalidArgument, st.Init.At(), "use what is scanned only for its type, as in zeros_like(x), or another input",
			"the initial value of the carry %s depends on what differs from position to position", st.Name)
		return false
	}
	from, was := ex.goOn(f, st, path, n)
	if from == nil {
		return false
	}
	read, number := s.Carry(path, from)
	if was != nil {
		s.states[number] = was
	}
	f.values[st.Name], f.initial[st.Name] = read, n
	if f.carried == nil {
		f.carried = map[string]int{}
	}
	f.carried[st.Name] = number
	return true
}

// carryOn tells the carries of a frame what they become.
func (ex *expander) carryOn(f *frame) {
	in := &expander{graph: ex.graph, f: f, to: ex.Builder, path: f.path}
	for _, it := range f.mod.Items {
		number, is := f.carried[it.Name]
		if !is || !it.Write {
			continue
		}
		before := f.values[it.Name].(*ir.Node)
		n := before // where it was reported
		if v := f.nexts[it.Name]; v != nil && !syntax.IsBad(v) {
			if fitted := in.fit(v, before.Type, "the carry "+it.Name, it.Def.At); fitted != nil {
				n = fitted
			}
		}
		ex.scan.Next(number, n)
		ex.scan.next[number] = n
		f.nexts[it.Name] = n
	}
}
