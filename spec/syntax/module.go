package syntax

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// moduleBody is a module whose header is decoded, and the rest of its text.
type moduleBody struct {
	m      *Module
	fields map[string]*tree.Node
}

// library decodes a file's imports and its own modules, which override those of the
// standard library.
func (d *decoder) library(imports, modules, optimizers *tree.Node) *Library {
	d.lib = Standard().extend()
	d.imports(imports)
	for _, b := range append(d.headers(modules, false), d.headers(optimizers, true)...) {
		d.body(b.m, b.fields)
	}
	return d.lib
}

// headers decodes the headers of modules, which any body may call, and adds them to the
// library.
func (d *decoder) headers(n *tree.Node, optimizer bool) []moduleBody {
	what, s, known := "modules", moduleSection, d.lib.Named(optimizer)
	if optimizer {
		what, s = "optimizers", optimizerSection
	}
	var bodies []moduleBody
	for _, e := range d.entries(n, what) {
		m := &Module{Name: e.Key.Text, At: e.Key.Range, Optimizer: optimizer, Std: d.importer == nil}
		fields, _ := d.fields(e.Value, s)
		if !m.Std {
			d.replaces(m, fields, known)
			d.lib.Own = append(d.lib.Own, m)
		}
		d.header(m, fields)
		known[m.Name] = m
		bodies = append(bodies, moduleBody{m, fields})
	}
	return bodies
}

// replaces checks that a module of the standard library is overridden on purpose.
func (d *decoder) replaces(m *Module, fields map[string]*tree.Node, known map[string]*Module) {
	m.Override, _ = d.boolean(fields["override"], "override")
	old := known[m.Name]
	switch {
	case old != nil && !old.Std:
		d.list.Add(diag.Diagnostic{Rule: diag.DuplicateName, Range: m.At, Message: m.Name + " is already imported",
			Notes: []diag.Note{{Message: "imported here", Range: old.At}}, Help: "choose another name here or in the import"})
	case old == nil && m.Override:
		d.report(diag.InvalidValue, fields["override"].Range, "remove override", "the standard library has no %s to replace", m.Name)
	case old != nil && !m.Override:
		d.report(diag.ShadowedModule, m.At, "choose another name, or add override: true", "%s already exists in the standard library", m.Name)
	}
	if LookupOp(m.Name) != nil && !m.Optimizer {
		d.report(diag.ReservedName, m.At, "choose another name", "%s is the name of an operation", m.Name)
	}
}

// header decodes what a call must know of a module: inputs and arguments.
func (d *decoder) header(m *Module, fields map[string]*tree.Node) {
	m.Doc, _ = d.text(fields["doc"], "doc")
	m.Widen, _ = d.boolean(fields["widen"], "widen")
	m.Accumulate, _ = d.boolean(fields["accumulate"], "accumulate")
	m.Precision = d.precision(fields["precision"])
	if text, ok := d.text(fields["path"], "path"); ok && !expr.IsName(text) {
		d.report(diag.InvalidName, fields["path"].Range, "use a single name, without dots", "`%s` is not a valid path name", diag.Cut(text))
	} else if ok {
		m.Path = text
	}
	if m.Optimizer {
		m.Single, m.Widen = true, true
	} else {
		m.Inputs = d.inputs(fields["inputs"])
	}
	m.Open = incomplete(fields["inputs"]) || incomplete(fields["args"])
	for _, e := range d.entries(fields["args"], "args") {
		if meaning := BuiltIn[e.Key.Text]; meaning != "" {
			d.report(diag.ReservedName, e.Key.Range, "it is built in: "+meaning, "`%s` is a reserved word", e.Key.Text)
			continue
		}
		if isReserved(e.Key.Text) {
			d.report(diag.ReservedName, e.Key.Range, "choose another name", "`%s` is a reserved key of mapping nodes", e.Key.Text)
			continue
		}
		if a := d.arg(e); a != nil {
			m.Args = append(m.Args, a)
		}
	}
	m.sig = SignatureOf(m)
}

func (d *decoder) inputs(n *tree.Node) []*Input {
	var inputs []*Input
	for _, e := range d.entries(n, "inputs") {
		inputs = append(inputs, &Input{e.Key.Text, e.Key.Range, d.typed(e.Value, "the input "+e.Key.Text)})
	}
	return inputs
}

// arg decodes an argument: a kind, a default, or a mapping.
func (d *decoder) arg(e tree.Entry) *Arg {
	a := &Arg{Name: e.Key.Text, At: e.Key.Range, Length: -1}
	n := e.Value
	if n.Broken {
		return a
	}
	if n.Kind == tree.String {
		var ok bool
		a.Kind, ok = d.kind(n)
		a.Optional = !ok // an argument that wasn't understood isn't required
		return a
	}
	value := n
	if n.Kind == tree.Map {
		fields, ok := d.fields(n, argSection)
		if !ok || fields["type"] == nil {
			return a
		}
		a.Kind, ok = d.kind(fields["type"])
		value = fields["default"]
		a.Optional = value != nil // whatever is wrong with it
		if !ok || !d.bounds(a, fields) || value == nil {
			return a
		}
	} else {
		a.Kind = kindOf(d.constant(n, "the default of "+a.Name))
	}
	a.Optional = true
	if a.Kind == argString {
		text, ok := d.text(value, "the default of "+a.Name)
		if problem := a.Refuses(text); ok && problem != "" {
			d.report(diag.InvalidArgument, value.Range, "", "the default of %s %s", a.Name, problem)
		}
		a.Default = &expr.Literal{Position: expr.Position{Range: value.Range}, Value: text}
		return a
	}
	if value.Kind != tree.String {
		if v := d.constant(value, "the default of "+a.Name); !IsBad(v) {
			if _, fits := a.Accept(v); !fits {
				d.report(diag.InvalidArgument, value.Range, "", "the default of %s must be %s, got %s", a.Name, a.Article(), ir.Describe(v))
				return a
			}
			if problem := a.Refuses(v); problem != "" {
				d.report(diag.InvalidArgument, value.Range, "", "the default of %s %s", a.Name, problem)
				return a
			}
		}
	}
	a.Default = d.argument(value, &Param{words: a.words()}, "the default of "+a.Name)
	if l, ok := a.Default.(*expr.Literal); ok && l.Value == nil && a.Kind == ArgTensor {
		a.Nil = true // the only default that a tensor can have
	}
	return a
}

func (d *decoder) body(m *Module, fields map[string]*tree.Node) {
	m.Require = d.requirements(fields["require"])
	for _, e := range d.entries(fields["params"], "params") {
		if p := d.param(e, m); p != nil {
			m.Params = append(m.Params, p)
		}
	}
	writable := map[string]bool{}
	for _, e := range d.entries(fields["state"], "state") {
		st := d.state(e)
		m.States = append(m.States, st)
		writable[e.Key.Text] = true
		if st.Generation && (m.Optimizer || m.Accumulate) {
			d.report(diag.InvalidOperation, st.At, "remove generation", "%s, so its state %s can't be one of generation",
				map[bool]string{true: "an optimizer works in training only", false: "an accumulating module works in evaluations only"}[m.Optimizer], st.Name)
			st.Generation = false
		}
	}
	if m.Optimizer {
		writable["param"] = true
	} else {
		d.carries(m, fields, writable)
	}
	m.Open = m.Open || fields == nil || incomplete(fields["params"]) || incomplete(fields["state"]) || incomplete(fields["carry"]) ||
		incomplete(fields["nodes"]) || incomplete(fields["update"])
	m.Items = d.nodes(fields["nodes"])
	for _, it := range d.nodes(fields["update"]) {
		it.Write = writable[it.Name]
		m.Items = append(m.Items, it)
	}
	if m.Optimizer || fields == nil {
		return
	}
	one, several := fields["output"], fields["outputs"]
	switch {
	case one != nil && several != nil:
		d.report(diag.InvalidValue, one.Range, "", "the module %s has both `output` and `outputs`; use one of them", m.Name)
	case one != nil:
		m.Single = true
		m.Outputs = []*Output{{"", one.Range, d.expression(one, "output")}}
	case several != nil:
		m.Outputs = d.outputNames(several)
	default:
		d.report(diag.MissingKey, m.At, "output: the value of a call", "the module %s requires `output` or `outputs`", m.Name)
	}
}

func (d *decoder) param(e tree.Entry, m *Module) *Parameter {
	p := &Parameter{Name: e.Key.Text, At: e.Key.Range}
	fields, ok := d.fields(e.Value, paramSection)
	if !ok || fields["shape"] == nil || fields["init"] == nil {
		return p
	}
	if n := fields["shape"]; d.is(n, tree.List, "write [out_features, in_features]", "a shape must be a list of dimensions") {
		if list, ok := d.expression(n, "shape").(*expr.List); ok {
			p.Shape = append([]expr.Expr{}, list.Items...) // not nil, which stands for none
		}
	}
	p.Init = d.expression(fields["init"], "init")
	p.Path = d.paramPath(fields["name"], m)
	if p.When = d.expression(fields["when"], "when"); p.When == nil && fields["when"] != nil {
		p.Shape = nil
	}
	return p
}

// state decodes a state: its initial value, or a mapping.
func (d *decoder) state(e tree.Entry) *State {
	st := &State{Name: e.Key.Text, At: e.Key.Range}
	if e.Value.Kind != tree.Map {
		st.Init = d.expression(e.Value, "the state "+st.Name)
		return st
	}
	fields, ok := d.fields(e.Value, stateSection)
	if !ok {
		return st
	}
	st.Init = d.expression(fields["init"], "init")
	st.Generation, _ = d.boolean(fields["generation"], "generation")
	if st.When = d.expression(fields["when"], "when"); st.When == nil && fields["when"] != nil {
		st.Init = nil
	}
	return st
}
