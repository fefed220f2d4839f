// Package summary describes models for people and programs, module by module: what each
// puts out, which parameters it has, and what a forward pass costs.
package summary

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// Model is the description of a model.
type Model struct {
	Spec   string   `json:"spec"` // its file, as given
	Name   string   `json:"name"`
	Inputs []Value  `json:"inputs"`
	Sizes  []Size   `json:"sizes"` // of dimensions of inputs that have a name
	Layers []*Layer `json:"layers"`
	Trains bool     `json:"trains"` // whether the spec says how to train it
	Totals Totals   `json:"totals"`
}

// Size is a dimension of inputs that the spec gives a name instead of a size.
type Size struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// Value is an input, or what a layer puts out.
type Value struct {
	Name  string `json:"name,omitempty"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	Bytes int64  `json:"bytes"`
}

// Layer is a node of the model or a module inside of one. Its counts are those of all that
// is inside of it. A parameter counts where it is declared, and nowhere else.
type Layer struct {
	Path    string   `json:"path"` // in the whole program: h[0].attn
	Module  string   `json:"module,omitempty"`
	Ops     []string `json:"ops,omitempty"` // of an expression, in their order, each once
	Outputs []Value  `json:"outputs"`
	Counts
	// Shares names parameters of other layers that it uses too.
	Shares []string `json:"shares,omitempty"`
	// TrainingOnly says that it is a part of the training step outside of the model: of
	// the loss, for example. Its flops aren't counted.
	TrainingOnly bool     `json:"training_only,omitempty"`
	Layers       []*Layer `json:"layers,omitempty"`
	// Repeated says that Layers are the repetitions of one module (repeat).
	Repeated bool `json:"repeated,omitempty"`

	key      string // Path, as ir.PlainPath writes it
	computes bool   // a node is its own
}

// Counts are numbers of elements, bytes and operations. They saturate.
type Counts struct {
	Parameters     int64 `json:"parameters"`
	Trainable      int64 `json:"trainable"` // of the parameters; all, where nothing is trained
	ParameterBytes int64 `json:"parameter_bytes"`
	Buffers        int64 `json:"buffers"` // elements of states that are saved but not trained
	BufferBytes    int64 `json:"buffer_bytes"`
	// Flops are those of a forward pass, as place.Flops counts them.
	Flops int64 `json:"flops"`
}

// Frozen is the number of parameters that training leaves as they are.
func (c Counts) Frozen() int64 { return c.Parameters - c.Trainable }

// Bytes is what the parameters and buffers take.
func (c Counts) Bytes() int64 { return place.Sum(c.ParameterBytes, c.BufferBytes) }

func (c *Counts) add(d Counts) {
	for _, v := range []struct {
		to *int64
		by int64
	}{{&c.Parameters, d.Parameters}, {&c.Trainable, d.Trainable}, {&c.ParameterBytes, d.ParameterBytes},
		{&c.Buffers, d.Buffers}, {&c.BufferBytes, d.BufferBytes}, {&c.Flops, d.Flops}} {
		*v.to = place.Sum(*v.to, v.by)
	}
}

// Totals are those of the whole model, and of what training adds.
type Totals struct {
	Counts
	Frozen int64 `json:"frozen"`
	// OptimizerStates and OptimizerBytes are what the optimizer keeps for the parameters.
	OptimizerStates int64 `json:"optimizer_states"`
	OptimizerBytes  int64 `json:"optimizer_bytes"`
	// Step is what the plan of a step needs; of an inference, where nothing is trained.
	Step Step `json:"step"`
}

// Step is what running the plan once needs.
type Step struct {
	Trains bool    `json:"trains"`          // whether it is a training step
	Flops  int64   `json:"flops,omitempty"` // of a training step: forward, backward, optimizer, metrics
	Peak   int64   `json:"peak_bytes"`
	Memory []Space `json:"memory"`
}

// Space is the memory that is needed on a device.
type Space struct {
	Device string `json:"device"`
	Kept   int64  `json:"kept_bytes"`
	Arena  int64  `json:"arena_bytes"`
}

// Of describes a model: its graph, with training false and every node an output, what it
// is made of, and the graph of a training step, which may be nil.
func Of(model *ir.Graph, uses []ir.ModuleUse, train *ir.Graph) *Model {
	d := &describing{layers: map[string]*Layer{}, train: train}
	for _, u := range uses {
		d.use(u)
	}
	m := &Model{Trains: train != nil, Inputs: []Value{}, Sizes: []Size{}}
	for _, s := range model.States {
		if s.Kind == ir.InputState {
			m.Inputs = append(m.Inputs, valueOf(s.Name, s.Type))
		}
		d.state(s, model)
	}
	for _, n := range model.Nodes {
		d.node(n)
	}
	if train != nil {
		d.training(model, &m.Totals)
	}
	m.Layers = grouped(pruned(d.roots, false))
	for _, l := range m.Layers {
		l.sum()
		m.Totals.add(l.Counts)
	}
	m.Totals.Frozen = m.Totals.Counts.Frozen()
	return m
}

func valueOf(name string, t ir.Type) Value {
	return Value{Name: name, DType: t.DType.String(), Shape: append([]int{}, t.Shape...), Bytes: int64(t.Bytes())}
}

// describing is the working state of Of.
type describing struct {
	layers map[string]*Layer // by their keys
	roots  []*Layer
	train  *ir.Graph
}

// use adds a layer, unless it is there: a node that is a call of a module is one layer.
func (d *describing) use(u ir.ModuleUse) {
	key := ir.PlainPath(u.Path)
	l := d.layers[key]
	if l == nil {
		l = d.layer(u.Path)
	}
	if u.Module != "" {
		l.Module = u.Module
	}
	if len(l.Outputs) == 0 || u.Module != "" {
		l.Outputs = []Value{}
		for _, out := range u.Outputs {
			l.Outputs = append(l.Outputs, valueOf(out.Name, out.Node.Type))
		}
	}
}

// layer makes a layer inside of the one that its path says.
func (d *describing) layer(path string) *Layer {
	l := &Layer{Path: path, Outputs: []Value{}, key: ir.PlainPath(path)}
	if outer := d.around(parent(l.key)); outer != nil {
		outer.Layers = append(outer.Layers, l)
	} else {
		d.roots = append(d.roots, l)
	}
	d.layers[l.key] = l
	return l
}

// parent is what a plain path is inside of; "" for the model.
func parent(key string) string { return key[:max(strings.LastIndexByte(key, '.'), 0)] }

// around is the innermost layer that has what is at a plain path; nil if none has.
func (d *describing) around(key string) *Layer {
	for ; key != ""; key = parent(key) {
		if l := d.layers[key]; l != nil {
			return l
		}
	}
	return nil
}

// inside is around, or a new layer.
func (d *describing) inside(path string) *Layer {
	key := ir.PlainPath(path)
	if l := d.around(key); l != nil {
		return l
	}
	first, _, _ := strings.Cut(key, ".")
	return d.layer(first)
}

// state counts a parameter or buffer.
func (d *describing) state(s *ir.State, g *ir.Graph) {
	elements, size := int64(s.Type.Shape.Numel()), int64(s.Type.Bytes())
	switch s.Kind {
	case ir.ParamState:
		c := Counts{Parameters: elements, ParameterBytes: size}
		if d.trains(s, g) {
			c.Trainable = elements
		}
		d.inside(s.Name).add(c)
	case ir.BufferState:
		d.inside(s.Name).add(Counts{Buffers: elements, BufferBytes: size})
	}
}

// trains reports whether a parameter is trained; each is, where nothing says how.
func (d *describing) trains(s *ir.State, g *ir.Graph) bool {
	if d.train == nil {
		return true
	}
	if g != d.train {
		s = d.train.State(s.Name)
	}
	return s != nil && s.Next != nil && s.Next != s.Read
}

// node counts a node, and notes of which other layers it uses parameters.
func (d *describing) node(n *ir.Node) {
	if n.State != nil || n.Op == ir.ConstOp || n.Path == "" {
		return
	}
	l := d.inside(n.Path)
	l.computes = true
	l.Flops = place.Sum(l.Flops, place.Flops(n))
	if l.Module == "" && !slices.Contains(l.Ops, n.Op.Name) {
		l.Ops = append(l.Ops, n.Op.Name)
	}
	for _, in := range n.Inputs {
		if in.State == nil || in.State.Kind != ir.ParamState {
			continue
		}
		owner := d.around(in.State.Name)
		if owner != nil && !within(l.key, owner.key) && !within(owner.key, l.key) && !slices.Contains(l.Shares, in.State.Name) {
			l.Shares = append(l.Shares, in.State.Name)
		}
	}
}

// within reports whether a plain path is another one, or inside of it.
func within(key, outer string) bool {
	return key == outer || strings.HasPrefix(key, outer+".")
}

// training counts what a training step has besides the model.
func (d *describing) training(model *ir.Graph, t *Totals) {
	known := map[string]bool{}
	for _, s := range model.States {
		known[s.Name] = true
	}
	for _, s := range d.train.States {
		switch {
		case s.Kind == ir.OptimState:
			t.OptimizerStates = place.Sum(t.OptimizerStates, int64(s.Type.Shape.Numel()))
			t.OptimizerBytes = place.Sum(t.OptimizerBytes, int64(s.Type.Bytes()))
		case (s.Kind == ir.ParamState || s.Kind == ir.BufferState) && !known[s.Name]:
			before := len(d.roots)
			d.state(s, d.train)
			for _, l := range d.roots[before:] {
				l.TrainingOnly = true
			}
		}
	}
}

// sum adds to a layer's counts those of what is inside of it.
func (l *Layer) sum() {
	for _, inner := range l.Layers {
		inner.sum()
		l.add(inner.Counts)
	}
}

// pruned leaves out layers that have nothing: a second name of another one and, inside of
// modules, what does nothing in a forward pass, such as a Dropout.
func pruned(layers []*Layer, inside bool) []*Layer {
	return slices.DeleteFunc(layers, func(l *Layer) bool {
		l.Layers = pruned(l.Layers, l.Module != "")
		return (inside || l.Module == "") && !l.computes && len(l.Layers) == 0 && l.Counts == Counts{}
	})
}

// grouped puts the repetitions of a module, whose paths differ in their last index, into
// one layer: the node that is repeated.
func grouped(layers []*Layer) (all []*Layer) {
	groups := map[string]*Layer{}
	for _, l := range layers {
		l.Layers = grouped(l.Layers)
		if len(l.Layers) == 1 && l.Layers[0].Repeated && l.Layers[0].Path == l.Path {
			l.Layers, l.Repeated = l.Layers[0].Layers, true
		}
		base, is := cutIndex(l.Path)
		if !is {
			all = append(all, l)
			continue
		}
		g := groups[base]
		if g == nil {
			g = &Layer{Path: base, Repeated: true, key: ir.PlainPath(base)}
			groups[base] = g
			all = append(all, g)
		}
		g.Layers, g.Outputs = append(g.Layers, l), l.Outputs
	}
	return all
}

// cutIndex splits h[3] into h and true.
func cutIndex(path string) (base string, is bool) {
	if !strings.HasSuffix(path, "]") {
		return path, false
	}
	return path[:strings.LastIndexByte(path, '[')], true
}
