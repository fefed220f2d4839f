package build

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// outline records which nodes and modules a model is made of, in the order in which they
// are computed, outer ones first. A nil one records nothing.
type outline struct{ uses []ir.ModuleUse }

// none is what begin gives where nothing is recorded.
const none = -1

func (o *outline) begin(path, module string) int {
	if o == nil {
		return none
	}
	o.uses = append(o.uses, ir.ModuleUse{Path: path, Module: module})
	return len(o.uses) - 1
}

// beginNode is begin for a node of the model.
func (o *outline) beginNode(f *frame, it *syntax.Item) int {
	if f.caller != nil || it.Write {
		return none
	}
	return o.begin(it.Name, "")
}

// arguments says that what a call's arguments are computed by belongs to the module at a
// path that makes the call, or to the model's node, not to the module that is called.
func (o *outline) arguments(made []*ir.Node, path string) {
	if o == nil {
		return
	}
	for _, n := range made {
		if n.Path == "" {
			n.Path = path
		}
	}
}

// end records the value of a use.
func (o *outline) end(use int, v any) {
	if o == nil || use == none {
		return
	}
	u := &o.uses[use]
	switch v := v.(type) {
	case *ir.Node:
		u.Outputs = []ir.Output{{Node: v}}
	case repeated:
		o.end(use, v[len(v)-1])
	case outputs:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if n, ok := v[name].(*ir.Node); ok {
				u.Outputs = append(u.Outputs, ir.Output{Name: name, Node: n})
			}
		}
	}
}

// keep makes every node of the model an output of its graph, so that none is dropped.
func (o *outline) keep(g *ir.Graph) {
	if o == nil {
		return
	}
	for _, u := range o.uses {
		for _, out := range u.Outputs {
			g.Outputs = append(g.Outputs, ir.Output{Name: u.Path, Node: out.Node})
		}
	}
}

// Outline is the model with training false, as InferWith gives it, and what it is made of.
// Every node of the model is an output, also those that only the loss needs. Gradients are
// still in place.
func (p *Program) Outline(types map[string]ir.Type) (*ir.Graph, []ir.ModuleUse, diag.List) {
	made := &outline{}
	g, list := p.inferWith(types, made)
	return g, made.uses, list
}

// Size is a dimension of the model's inputs that has a name.
type Size struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// InputSizes lists the dimensions of the model's inputs that the spec gives a name instead
// of a size, with the sizes that they have in training, in the spec's order.
func (p *Program) InputSizes() (sizes []Size) {
	p.eachSize(func(_ string, name string, _ int, size int) {
		if !slices.ContainsFunc(sizes, func(s Size) bool { return s.Name == name }) {
			sizes = append(sizes, Size{name, size})
		}
	})
	return sizes
}

// Resized are the types of the model's inputs where dimensions with a name have other
// sizes. Those of expressions in such names (2 * time) are as they were; whether they fit is
// for InferWith to say.
func (p *Program) Resized(sizes []Size) (map[string]ir.Type, error) {
	types := map[string]ir.Type{}
	for _, s := range p.Infer.States {
		if s.Kind == ir.InputState {
			types[s.Name] = ir.Type{DType: s.Type.DType, Shape: slices.Clone(s.Type.Shape)}
		}
	}
	for _, s := range sizes {
		found := false
		p.eachSize(func(input, name string, dim, _ int) {
			if name == s.Name {
				types[input].Shape[dim] = s.Size
				found = true
			}
		})
		if !found {
			return nil, fmt.Errorf("no input has a dimension called %s%s", diag.Quote(s.Name), p.sizeHelp())
		}
	}
	for name, t := range types {
		if err := ir.CheckShape(t.DType, t.Shape); err != nil {
			return nil, fmt.Errorf("the input %s: %w", name, err)
		}
	}
	return types, nil
}

// sizeHelp says which names there are.
func (p *Program) sizeHelp() string {
	var names []string
	for _, s := range p.InputSizes() {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return ": all sizes follow from the spec's text (--set changes vars)"
	}
	return "; there is " + diag.Names(names)
}

// eachSize calls a function for each dimension of an input that is a name and no var.
func (p *Program) eachSize(each func(input, name string, dim, size int)) {
	vars := map[string]bool{}
	for _, v := range p.def.Vars {
		vars[v.Name] = true
	}
	for _, in := range p.def.Model.Inputs {
		s := p.Infer.State(in.Name)
		if s == nil || in.Type == nil {
			continue
		}
		for i, d := range in.Type.Dims {
			n, ok := d.(*expr.Name)
			if !ok || vars[n.Name] {
				continue
			}
			if in.Type.Any && i >= in.Type.AnyAt {
				i += len(s.Type.Shape) - len(in.Type.Dims)
			}
			each(in.Name, n.Name, i, s.Type.Shape[i])
		}
	}
}
