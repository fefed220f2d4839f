package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// Graphs of a program for other sizes than those that the spec says: an epoch's last
// batch, which may be smaller, and the model on data of any size. Each is built out of the
// same definitions, within a budget of its own. A graph is nil if the list has errors; the
// list has no warnings, as the program's own graphs gave those. Calls must follow each
// other, as definitions are shared.

// TrainStep is the graph of a training step whose batches have so many examples. Its states
// are those of Train. As there, grad nodes are still in place.
func (p *Program) TrainStep(batch int64) (*ir.Graph, diag.List) {
	return p.again(inBatches(batch), func(s *shared) *ir.Graph {
		t := &training{graph: newGraph(s, true), def: p.def.Train, program: &Program{}, root: newFrame(p.def.Model, ""), size: batch}
		t.build(map[string]any{})
		return t.Graph
	})
}

// EvalStep is the graph of an evaluation whose batches have so many examples. Its states
// are those of Loop.Evaluation.Graph.
func (p *Program) EvalStep(batch int64) (*ir.Graph, diag.List) {
	return p.again(inBatches(batch), func(s *shared) *ir.Graph {
		t := newEvaluation(s, &Program{})
		t.size = batch
		trained := &graph{states: map[string]*ir.State{}}
		for _, st := range p.Train.States {
			trained.states[st.Name] = st
		}
		t.evaluate(trained)
		return t.Graph
	})
}

// InferWith is the graph Infer with inputs of other types. Sizes that the spec gives a name
// to follow from them, whatever they were in training; inputs without a type here have that
// of Infer.
func (p *Program) InferWith(types map[string]ir.Type) (*ir.Graph, diag.List) {
	return p.inferWith(types, nil)
}

func (p *Program) inferWith(types map[string]ir.Type, made *outline) (*ir.Graph, diag.List) {
	return p.again("", func(s *shared) *ir.Graph {
		g := newGraph(s, false)
		g.given, g.outline = true, made
		inputs := map[string]any{}
		for _, st := range p.Infer.States {
			if st.Kind == ir.InputState {
				inputs[st.Name] = st.Type
			}
		}
		for name, t := range types {
			inputs[name] = t
		}
		g.inference(inputs)
		return g.Graph
	})
}

// InferOn is the graph Infer on a data source, or a part of one, whose batches have so many
// examples: its transform, with training false, and then the model. The inputs are the
// fields as the data source reads them, and only those that the outputs need.
func (p *Program) InferOn(source string, batch int64) (*ir.Graph, diag.List) {
	return p.again(inBatches(batch), func(s *shared) *ir.Graph {
		name, _, _ := strings.Cut(source, ".")
		src, g, fields := p.onSource(s, name, batch)
		if src == nil {
			return nil
		}
		t := &training{graph: g, def: &syntax.Train{DataSource: src}, program: &Program{}, root: newFrame(p.def.Model, "")}
		t.model(fields, map[string]any{})
		dropInputs(g.Graph)
		return g.Graph
	})
}

// onSource begins a graph with the fields of a data source of files, as inputs that went
// through its transform. The data source is nil if there is none, which is reported.
func (p *Program) onSource(s *shared, name string, batch int64) (*syntax.DataSource, *graph, map[string]any) {
	src := p.filesOf(name)
	if src == nil {
		s.list.Errorf(diag.UnknownSource, diag.Range{File: p.File}, "the spec has no data source `%s` that reads files", diag.Cut(name))
		return nil, nil, nil
	}
	g := newGraph(s, false)
	g.step = g.Scalar(ir.I64, 0)
	return src, g, g.fields(src, batch, func(f *frame, fd *syntax.Field, t ir.Type) (*ir.Node, bool) {
		st, fresh := g.newState(f, fd.Name, ir.InputState, t, fd.At)
		return st.Read, fresh
	})
}

// filesOf finds a data source that reads files; nil if there is none.
func (p *Program) filesOf(name string) *syntax.DataSource {
	for _, src := range p.def.DataSources {
		if src.Name == name && src.Decl != nil {
			return src
		}
	}
	return nil
}

// Transforms reports whether a data source of files has a transform.
func (p *Program) Transforms(source string) bool {
	src := p.filesOf(source)
	return src != nil && src.Transform != nil
}

// Transformed reports whether the transform of a data source of files makes another value
// of a field.
func (p *Program) Transformed(source, field string) bool {
	src := p.filesOf(source)
	return src != nil && src.Transform != nil &&
		slices.ContainsFunc(src.Transform.Items, func(it *syntax.Item) bool { return it.Name == field })
}

// NamedType is the type of something that has a name.
type NamedType struct {
	Name string
	Type ir.Type
}

// BatchTypes are the fields of a data source of files, in batches of so many examples, as a
// model sees them: those that the data source reads, and those that its transform defines.
func (p *Program) BatchTypes(source string, batch int64) (types []NamedType, list diag.List) {
	_, list = p.again(inBatches(batch), func(s *shared) *ir.Graph {
		src, g, fields := p.onSource(s, source, batch)
		if src == nil {
			return nil
		}
		var names []string
		for _, fd := range src.Fields {
			names = append(names, fd.Name)
		}
		if src.Transform != nil {
			for _, it := range src.Transform.Items {
				if !slices.Contains(names, it.Name) {
					names = append(names, it.Name)
				}
			}
		}
		for _, name := range names {
			if n, ok := fields[name].(*ir.Node); ok {
				types = append(types, NamedType{name, n.Type})
			}
		}
		return g.Graph
	})
	return types, list
}

// Generated are the data sources whose batches are computed instead of read, in the spec's
// order.
func (p *Program) Generated() (names []string) {
	for _, src := range p.def.DataSources {
		if src.Decl == nil {
			names = append(names, src.Name)
		}
	}
	return names
}

// dropInputs removes inputs that no output needs.
func dropInputs(g *ir.Graph) {
	needed := map[*ir.Node]bool{}
	for _, o := range g.Outputs {
		maps.Copy(needed, ancestors(o.Node, nil))
	}
	g.States = slices.DeleteFunc(g.States, func(st *ir.State) bool { return st.Kind == ir.InputState && !needed[st.Read] })
}

func inBatches(n int64) string { return "in batches of " + diag.Count(int(n), "example") }

// again builds a graph. Its parameters and other states must have the types that they have
// in the program. when is a note on what is wrong.
func (p *Program) again(when string, build func(*shared) *ir.Graph) (*ir.Graph, diag.List) {
	list := diag.NewList(p.File)
	list.Sources = maps.Clone(p.sources)
	var g *ir.Graph
	whole := list.Bounded(func() {
		s := &shared{list: &list, def: p.def, first: newInitial(list.Budget)}
		g = build(s)
		s.uses.report(&list, p.def.Vars)
		if g != nil && !list.HasErrors() {
			p.sameStates(g, &list)
		}
		if g != nil && !list.HasErrors() {
			settle(g)
			if err := g.Sort(); err != nil {
				list.Errorf(diag.Cycle, diag.Range{File: p.File}, "%s", err)
			}
		}
	})
	list.Items = slices.DeleteFunc(list.Items, func(d diag.Diagnostic) bool { return d.Severity != diag.Error })
	for i := range list.Items {
		d := &list.Items[i]
		if when != "" {
			d.Notes = append(d.Notes, diag.Note{Message: when})
		}
	}
	list.Sort()
	if !whole || list.HasErrors() {
		return nil, list
	}
	return g, list
}

// sameStates reports the first state whose type depends on the size of a batch.
func (p *Program) sameStates(g *ir.Graph, list *diag.List) {
	types := map[string]*ir.State{}
	for _, known := range p.Graphs() {
		for _, st := range known.States {
			if st.Kind != ir.InputState || st.Name == ir.EpochStepsState {
				types[st.Name] = st
			}
		}
	}
	for _, st := range g.States {
		if old := types[st.Name]; old != nil && st.Kind == old.Kind && !old.Type.Equal(st.Type) {
			list.Add(diag.Diagnostic{Rule: diag.ShapeMismatch, Range: st.Origin,
				Message: fmt.Sprintf("%s is %s here, but %s in the program: its shape must not depend on the size of a batch", st.Name, st.Type, old.Type)})
			return // an optimizer's states follow from it
		}
	}
}
