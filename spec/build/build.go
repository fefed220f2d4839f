// Package build expands definitions into the graphs of a [Program]: it calls modules,
// evaluates what is known at compile time, and makes nodes of all else. It owns types,
// shapes and states; the training step with its optimizer; data, metrics and evaluation.
package build

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// Build resolves a spec and makes its graphs. It is nil if that fails, with errors in the
// list. The values of arguments that calls omit are added to taken, unless that is nil.
func Build(def *syntax.Spec, list *diag.List, taken Defaults) *Program {
	unused := check.Spec(def, list)
	if def.Model == nil {
		return nil
	}
	p := program(def, list, taken)
	if !list.HasErrors() {
		unused.Report()
	}
	return p
}

func program(def *syntax.Spec, list *diag.List, taken Defaults) *Program {
	p := &Program{Name: def.Name, File: def.File, Seed: def.Seed, def: def, sources: list.Sources}
	s := &shared{list: list, def: def, first: newInitial(list.Budget), taken: taken}
	placing := newPlacing(def.Placement, list.Budget)
	types := map[string]any{} // of the model's inputs: an ir.Type, or bad
	p.DataSources = s.declare()
	s.uses.report(list, def.Vars)
	if def.Train != nil {
		g := newGraph(s, true)
		t := &training{graph: g, def: def.Train, program: p, root: newFrame(def.Model, "")}
		t.build(types)
		s.uses.report(list, def.Vars)
		p.Train = g.Graph
		p.TrainData = dataName(def.Train.DataSource, def.Train.Part)
		placing.see(g.Graph)
		if def.Train.Evaluation != nil && !list.HasErrors() {
			p.EvalData = dataName(def.Train.Evaluation.DataSource, def.Train.Evaluation.Part)
			e := newEvaluation(s, p)
			e.evaluate(g)
			s.uses.report(list, def.Vars)
			placing.see(e.Graph)
		}
	}
	g := newGraph(s, false)
	g.untrained(types)
	g.inference(types)
	s.uses.report(list, def.Vars)
	p.Infer = g.Graph
	p.Labels = g.labels()
	placing.see(g.Graph)
	p.Init = s.first.Graph
	s.first.check(g)
	p.weights(list)
	if def.Generate != nil && !list.HasErrors() {
		if g := p.generation(s); g != nil {
			placing.see(g.Graph)
		}
		s.uses.report(list, def.Vars)
	}
	if list.HasErrors() {
		return nil
	}
	p.Facts = facts(def, list.Budget)
	for _, f := range def.Imports.Order {
		p.Imports = append(p.Imports, f.Path)
	}
	p.Placement = def.Placement
	placing.unmatched(list)
	p.Schedule = newSchedule(s, p)
	for _, g := range p.Graphs() {
		settle(g)
		if err := g.Sort(); err != nil { // a bug of this package: check reports cycles
			list.Errorf(diag.Cycle, diag.Range{File: def.File}, "%s", err)
			return nil
		}
	}
	p.checkClasses(list)
	return p
}

// check reports states whose initial value depends on a value of run time.
func (in *initial) check(g *graph) {
	reached := map[*ir.Node]*ir.Node{} // node → the run-time value that it depends on, or nil
	var visit func(n *ir.Node) *ir.Node
	visit = func(n *ir.Node) *ir.Node {
		if _, ghost := in.ghost[n]; ghost {
			return n
		}
		if r, seen := reached[n]; seen {
			return r
		}
		reached[n] = nil
		for _, op := range n.Inputs {
			if r := visit(op); r != nil {
				reached[n] = r
				return r
			}
		}
		return nil
	}
	for _, o := range in.Graph.Outputs {
		if r := visit(o.Node); r != nil {
			g.list.Errorf(diag.NotCompileTime, o.Node.Origin,
				"the initial value of %s depends on the value of %s, which is known only at run time", o.Name, in.ghost[r])
		}
	}
}

// vars are the compile-time names of the root.
func (g *graph) vars(f *frame) {
	f.vars = make(map[string]*syntax.Var, len(g.def.Vars))
	for _, v := range g.def.Vars {
		f.consts[v.Name], f.vars[v.Name] = v.Value, v
	}
	g.builtIn(f)
}

// inference builds the model alone.
func (g *graph) inference(types map[string]any) {
	g.step = g.Scalar(ir.I64, 0)
	f := newFrame(g.def.Model, "")
	g.vars(f)
	for _, in := range g.def.Model.Inputs {
		f.values[in.Name] = syntax.Bad{}
		t, known := types[in.Name]
		if !known {
			t = g.declared(f, in)
		}
		have, ok := t.(ir.Type)
		if !ok || in.Type == nil {
			continue // reported
		}
		if problem := g.matches(f, in.Type, have); problem != "" {
			if g.given && problem != reported {
				g.fail(f, diag.ShapeMismatch, in.Type.At(), "", "the input %s is given as %s: %s", in.Name, have, problem)
			}
			continue // reported
		}
		s, _ := g.newState(f, in.Name, ir.InputState, have, in.At)
		f.values[in.Name] = s.Read
	}
	g.modelBody(f)
}

// declared gives the type of a model input from the spec alone.
func (g *graph) declared(f *frame, in *syntax.Input) any {
	if in.Type == nil {
		return syntax.Bad{}
	}
	unbound := func(at diag.Range, what string) any {
		return g.fail(f, diag.UnboundDimension, at, "give it a size, or set train.data to take the size from the data", "%s of the input %s has no size", what, in.Name)
	}
	if in.Type.Any {
		return unbound(in.Type.At(), "`...`")
	}
	d, ok := ir.ParseDType(in.Type.DType)
	switch {
	case !ok && slices.Contains(syntax.TypeNames, in.Type.DType):
		return g.fail(f, diag.UnboundDimension, in.Type.DTypeAt, "use a specific dtype, such as f32", "`%s` covers several dtypes", in.Type.DType)
	case !ok:
		return syntax.Bad{}
	}
	for _, dim := range in.Type.Dims {
		if n, ok := dim.(*expr.Name); ok {
			if _, bound := f.consts[n.Name]; !bound {
				return unbound(n.At(), n.Name)
			}
		}
	}
	ex := &expander{graph: g, f: f, to: g.Builder}
	shape, ok := ex.sizes(in.Type.Dims, "the input "+in.Name)
	if !ok {
		return syntax.Bad{}
	}
	if err := ir.CheckShape(d, shape); err != nil {
		return g.fail(f, diag.InvalidArgument, in.Type.At(), "", "the input %s: %s", in.Name, err)
	}
	return ir.Type{DType: d, Shape: shape}
}

// modelBody builds the model's nodes and outputs.
func (g *graph) modelBody(f *frame) {
	from := len(g.Graph.Nodes)
	f.precision.Low = g.def.Model.Precision
	g.runBody(f)
	g.compute(from, f.precision)
	f.precision = ir.Precision{} // the loss and metrics are no part of the model
	g.lower()
	ex := &expander{graph: g, f: f, to: g.Builder}
	for _, o := range g.def.Model.Outputs {
		if n := ex.tensor(ex.expand(o.Value), "the output "+o.Name, o.At); n != nil {
			g.Graph.Outputs = append(g.Graph.Outputs, ir.Output{Name: o.Name, Node: n})
		}
	}
	g.outline.keep(g.Graph)
}

// Program is a checked spec, as graphs. Nothing in it refers to YAML any more
// but the origins of its nodes.
type Program struct {
	Name string // the spec's name
	File string // where it was read from
	Seed int64

	// Train is one training step, nil without a train section: parameters, optimizer
	// states, metrics and the step counter are states with a Next; data are nodes over
	// the counter; grad nodes are still in place. Its outputs are the model's.
	Train *ir.Graph
	// Infer is the model alone, with training false: parameters and inputs are
	// states without a Next; its outputs are the model's.
	Infer *ir.Graph
	// Init has an output for every state that starts with a value, under the
	// state's name: parameters, optimizer states, metrics, counters.
	Init *ir.Graph

	// Weights are what the model begins with, unless others are given; nil: with Init.
	Weights *ir.Weights
	// Schedule gives the learning rate of a step by its number: see newSchedule. It is nil
	// if there is none.
	Schedule *ir.Graph
	// Generate says how to generate text; nil without a generate section.
	Generate *Generation

	// Facts describe what is computed, to be compared with those of another spec.
	Facts []Fact
	// Imports are the files that were imported.
	Imports []string

	Loop      ir.Loop
	Loss      diag.Range // where the spec says what the loss is
	Placement ir.Placement

	// DataSources are those that read files, in the spec's order, also those that aren't
	// used. A source that joins others has their fields.
	DataSources []*table.Decl
	def         *syntax.Spec
	sources     map[string]string // the texts that positions refer to

	// Labels are what outputs are about, by their names.
	Labels map[string]Label

	// TrainData and EvalData name the data of the training step and of the evaluation, as
	// the nodes of SourceOp do: "iris", or "iris.train", a part of it. They are "" without
	// data, and for generated data.
	TrainData, EvalData string
}

// dataName is how a program calls data of files.
func dataName(src *syntax.DataSource, part string) string {
	if src == nil || src.Decl == nil {
		return ""
	}
	return partName(src, part)
}

// Source finds the data source that TrainData or EvalData names, and which part of it that
// is; nil if there is none of that name. The part is "" if it is all of it.
func (p *Program) Source(name string) (decl *table.Decl, part string) {
	name, part, _ = strings.Cut(name, ".")
	for _, d := range p.DataSources {
		if d.Name == name {
			return d, part
		}
	}
	return nil, ""
}

// Vars are the values of the spec's vars, as they are overridden: an int64, float64, bool,
// string, or a list of those.
func (p *Program) Vars() map[string]any {
	values := make(map[string]any, len(p.def.Vars))
	for _, v := range p.def.Vars {
		values[v.Name] = cloned(v.Value)
	}
	return values
}

// Texts are the spec's text, and those of its imports and of the files that override vars,
// by their names. They are not to be changed.
func (p *Program) Texts() map[string]string { return p.sources }

// Options are those that the program was read with.
func (p *Program) Options() syntax.Options { return p.def.Options }

// cloned is a var's value with lists of its own.
func cloned(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	list = slices.Clone(list)
	for i, item := range list {
		list[i] = cloned(item)
	}
	return list
}

// Graphs lists the program's graphs.
func (p *Program) Graphs() []*ir.Graph {
	var graphs []*ir.Graph
	if p.Train != nil {
		graphs = append(graphs, p.Train)
	}
	graphs = append(graphs, p.Infer, p.Init)
	if p.Loop.Evaluation != nil {
		graphs = append(graphs, p.Loop.Evaluation.Graph)
	}
	if p.Generate != nil {
		graphs = append(graphs, p.Generate.Graph, p.Generate.Init)
	}
	return graphs
}
