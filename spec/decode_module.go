package spec

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/tree"
)

// moduleBody is a module whose header is decoded, and the rest of its text.
type moduleBody struct {
	m      *module
	fields map[string]*tree.Node
}

// library decodes a file's imports and its own modules, and puts them over the
// standard library.
func (d *decoder) library(imports, modules, optimizers *tree.Node) *library {
	d.lib = standard().extend()
	d.imports(imports)
	replace := func(m *module, fields map[string]*tree.Node, known map[string]*module) {
		d.replaces(m, fields, known)
		d.lib.own = append(d.lib.own, m)
	}
	bodies := append(
		d.headers(modules, moduleSection, d.lib.modules, false, replace),
		d.headers(optimizers, optimizerSection, d.lib.optimizers, true, replace)...)
	for _, b := range bodies {
		d.body(b.m, b.fields)
	}
	return d.lib
}

// headers decodes the headers of modules, which bodies anywhere may call, and
// makes them known. before sees each of them first.
func (d *decoder) headers(n *tree.Node, s *section, known map[string]*module, optimizer bool,
	before func(m *module, fields map[string]*tree.Node, known map[string]*module)) []moduleBody {
	what := "modules"
	if optimizer {
		what = "optimizers"
	}
	var bodies []moduleBody
	for _, e := range d.entries(n, what) {
		m := &module{name: e.Key.Text, at: e.Key.Range, optimizer: optimizer}
		fields, _ := d.fields(e.Value, s)
		before(m, fields, known)
		d.header(m, fields)
		known[m.name] = m
		bodies = append(bodies, moduleBody{m, fields})
	}
	return bodies
}

// replaces checks that a module of the standard library is replaced on purpose.
func (d *decoder) replaces(m *module, fields map[string]*tree.Node, known map[string]*module) {
	n := fields["override"]
	if n != nil {
		m.override, _ = d.boolean(n, "override")
	}
	old := known[m.name]
	switch {
	case old != nil && !old.std:
		d.list.Add(diag.Diagnostic{Rule: diag.DuplicateName, Range: m.at, Message: m.name + " is imported already",
			Notes: []diag.Note{{Message: "it", Range: old.at}}, Help: "choose another name, or import it under one"})
	case old == nil && m.override:
		d.report(diag.InvalidValue, n.Range, "remove it", "the standard library has no %s to replace", m.name)
	case old != nil && !m.override:
		d.report(diag.ShadowedModule, m.at, "choose another name, or add override: true", "%s is in the standard library", m.name)
	}
	if lookupOp(m.name) != nil && !m.optimizer {
		d.report(diag.ReservedName, m.at, "choose another name", "%s is an operation", m.name)
	}
}

// header decodes what a call of the module must know: inputs and arguments.
func (d *decoder) header(m *module, fields map[string]*tree.Node) {
	if n := fields["doc"]; n != nil {
		m.doc, _ = d.text(n, "doc")
	}
	if n := fields["example"]; n != nil {
		m.example, _ = d.text(n, "example")
	}
	if n := fields["path"]; n != nil {
		if text, ok := d.text(n, "path"); ok && !isName(text) {
			d.report(diag.InvalidName, n.Range, "write a name, as that of a module", "`%s` can't be part of a path", diag.Cut(text))
		} else if ok {
			m.path = text
		}
	}
	if n := fields["widen"]; n != nil {
		m.widen, _ = d.boolean(n, "widen")
	}
	if m.optimizer {
		m.single, m.widen = true, true
	} else {
		m.inputs = d.inputs(fields["inputs"])
	}
	m.open = incomplete(fields["inputs"]) || incomplete(fields["args"])
	for _, e := range d.entries(fields["args"], "args") {
		if e.Key.Text == "training" {
			d.report(diag.ReservedName, e.Key.Range, "every module sees it: it is true in training", "`training` is a word of the language")
			continue
		}
		if isReserved(e.Key.Text) {
			d.report(diag.ReservedName, e.Key.Range, "choose another name", "`%s` has a meaning on every mapping node", e.Key.Text)
			continue
		}
		if a := d.arg(e); a != nil {
			m.args = append(m.args, a)
		}
	}
	m.sig = signatureOf(m)
}

func (d *decoder) inputs(n *tree.Node) []*inputDef {
	var inputs []*inputDef
	for _, e := range d.entries(n, "inputs") {
		inputs = append(inputs, &inputDef{e.Key.Text, e.Key.Range, d.typed(e.Value, "the input "+e.Key.Text)})
	}
	return inputs
}

// arg decodes an argument: a kind, a default, or a mapping.
func (d *decoder) arg(e tree.Entry) *argDef {
	a := &argDef{name: e.Key.Text, at: e.Key.Range, length: -1}
	n := e.Value
	if n.Broken {
		return a
	}
	if n.Kind == tree.String {
		var ok bool
		a.kind, ok = d.kind(n)
		a.optional = !ok // nothing is asked for that isn't understood
		return a
	}
	value := n
	if n.Kind == tree.Map {
		fields, ok := d.fields(n, argSection)
		if !ok || fields["type"] == nil {
			return a
		}
		a.doc, _ = d.text(fields["doc"], "doc")
		a.kind, ok = d.kind(fields["type"])
		value = fields["default"]
		a.optional = value != nil // whatever is wrong with it
		if !ok || !d.bounds(a, fields) || value == nil {
			return a
		}
	} else {
		a.kind = kindOf(d.constant(n, "the default of "+a.name))
	}
	a.optional = true
	if a.kind == argString {
		text, ok := d.text(value, "the default of "+a.name)
		if problem := a.refuses(text); ok && problem != "" {
			d.report(diag.InvalidArgument, value.Range, "", "the default of %s %s", a.name, problem)
		}
		a.fallback = &expr.Literal{Place: expr.Place{Range: value.Range}, Value: text}
		return a
	}
	if value.Kind != tree.String {
		if v := d.constant(value, "the default of "+a.name); !isBad(v) {
			if _, fits := ofKind(v, a.kind); !fits {
				d.report(diag.InvalidArgument, value.Range, "", "the default of %s must be %s, got %s", a.name, article(a.kind), ir.Describe(v))
				return a
			}
			if problem := a.refuses(v); problem != "" {
				d.report(diag.InvalidArgument, value.Range, "", "the default of %s %s", a.name, problem)
				return a
			}
		}
	}
	a.fallback = d.expression(value, "the default of "+a.name)
	return a
}

func (d *decoder) body(m *module, fields map[string]*tree.Node) {
	m.require = d.requirements(fields["require"])
	for _, e := range d.entries(fields["params"], "params") {
		if p := d.param(e); p != nil {
			m.params = append(m.params, p)
		}
	}
	writable := map[string]bool{}
	for _, e := range d.entries(fields["state"], "state") {
		m.states = append(m.states, d.state(e))
		writable[e.Key.Text] = true
	}
	if m.optimizer {
		writable["param"] = true
	}
	m.open = m.open || fields == nil || incomplete(fields["params"]) || incomplete(fields["state"]) ||
		incomplete(fields["nodes"]) || incomplete(fields["update"])
	m.items = d.nodes(fields["nodes"])
	for _, it := range d.nodes(fields["update"]) {
		it.write = writable[it.name]
		m.items = append(m.items, it)
	}
	if m.optimizer || fields == nil {
		return
	}
	one, several := fields["output"], fields["outputs"]
	switch {
	case one != nil && several != nil:
		d.report(diag.InvalidValue, one.Range, "", "the module %s has both output and outputs", m.name)
	case one != nil:
		m.single = true
		m.outputs = []*outputDef{{"", one.Range, d.expression(one, "output")}}
	case several != nil:
		m.outputs = d.outputNames(several)
	default:
		d.report(diag.MissingKey, m.at, "output: the value of a call", "the module %s has no output", m.name)
	}
}

func (d *decoder) param(e tree.Entry) *paramDef {
	p := &paramDef{name: e.Key.Text, at: e.Key.Range}
	fields, ok := d.fields(e.Value, paramSection)
	if !ok || fields["shape"] == nil || fields["init"] == nil {
		return p
	}
	if n := fields["shape"]; n.Kind != tree.List && !n.Broken {
		d.report(diag.WrongType, n.Range, "write [out_features, in_features]", "a shape is a list of dimensions, not %s", n.Kind)
	} else if list, ok := d.expression(n, "shape").(*expr.List); ok {
		p.shape = list.Items
		if p.shape == nil {
			p.shape = []expr.Expr{}
		}
	}
	p.init = d.expression(fields["init"], "init")
	if n := fields["when"]; n != nil {
		p.when = d.expression(n, "when")
		if p.when == nil {
			p.shape = nil
		}
	}
	return p
}

// state decodes a state: its first value, or a mapping.
func (d *decoder) state(e tree.Entry) *stateDef {
	st := &stateDef{name: e.Key.Text, at: e.Key.Range}
	if e.Value.Kind != tree.Map {
		st.init = d.expression(e.Value, "the state "+st.name)
		return st
	}
	fields, ok := d.fields(e.Value, stateSection)
	if !ok {
		return st
	}
	st.init = d.expression(fields["init"], "init")
	if n := fields["when"]; n != nil {
		if st.when = d.expression(n, "when"); st.when == nil {
			st.init = nil
		}
	}
	return st
}
