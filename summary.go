package flowrun

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/explain"
	"github.com/flowrun/flowrun/lower/summary"
	"github.com/flowrun/flowrun/spec"
)

// ModelSummary describes a model by its modules: shapes, parameters, bytes, flops.
type ModelSummary = summary.Model

// ModelValue is an input of a model, or what a layer puts out.
type ModelValue = summary.Value

// ModelLayer is a node of a model or a module inside of one.
type ModelLayer = summary.Layer

// SummaryOptions say for which sizes a model is described, and where.
type SummaryOptions struct {
	Device string // the default device of the plan; "" as the spec says
	// Sizes are those of dimensions of the inputs to which the spec gives a name instead of
	// a size: batch, time. Where there are none they are those of training.
	Sizes map[string]int
}

// Summarize describes the model. The forward pass is that of inference (training is
// false), but of all nodes of the model, also those that only the loss needs. With the
// sizes of training, the memory is that of a training step. Nothing is run, and no data is
// opened.
func (p *Program) Summarize(o SummaryOptions) (*ModelSummary, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	types, err := p.resized(o.Sizes)
	if err != nil {
		return nil, err
	}
	g, uses, err := p.outline(types)
	if err != nil {
		return nil, err
	}
	m := summary.Of(g, uses, p.spec.Train)
	m.Spec, m.Name = p.spec.File, p.spec.Name
	for _, s := range p.spec.InputSizes() {
		m.Sizes = append(m.Sizes, summary.Size{Name: s.Name, Size: sizeIn(o.Sizes, s)})
	}
	if p.Trains() && len(o.Sizes) == 0 {
		m.Totals.Step, err = p.stepOf(p.spec.Train, o.Device)
		m.Totals.Step.Trains = true
		return m, err
	}
	infer, err := p.sized(func(int64) (*ir.Graph, diag.List) { return p.spec.InferWith(types) }, 0)
	if err != nil {
		return nil, p.misfits(err)
	}
	m.Totals.Step, err = p.stepOf(infer, o.Device)
	return m, err
}

func sizeIn(given map[string]int, s spec.Size) int {
	if n, ok := given[s.Name]; ok {
		return n
	}
	return s.Size
}

// resized are the types of the inputs with other sizes.
func (p *Program) resized(sizes map[string]int) (map[string]ir.Type, error) {
	var list []spec.Size
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		if sizes[name] < 0 {
			return nil, &SizeError{fmt.Errorf("the size of %s must be at least 0, got %d", diag.Quote(name), sizes[name])}
		}
		list = append(list, spec.Size{Name: name, Size: sizes[name]})
	}
	types, err := p.spec.Resized(list)
	if err != nil {
		return nil, &SizeError{err}
	}
	return types, nil
}

// SizeError says that the model's inputs can't have a size that was asked for.
type SizeError struct{ error }

// Unwrap gives the reason.
func (e *SizeError) Unwrap() error { return e.error }

// outline is the model with every node an output, differentiated, and what it is made of.
func (p *Program) outline(types map[string]ir.Type) (g *ir.Graph, uses []ir.ModuleUse, err error) {
	g, err = p.sized(func(int64) (g *ir.Graph, findings diag.List) {
		g, uses, findings = p.spec.Outline(types)
		return g, findings
	}, 0)
	return g, uses, p.misfits(err)
}

// misfits says that the model can't have inputs of other sizes, with the first reason.
func (p *Program) misfits(err error) error {
	var wrong *SpecError
	if !errors.As(err, &wrong) {
		return err
	}
	return &SizeError{fmt.Errorf("the model doesn't take inputs of these sizes: %s", wrong)}
}

// stepOf is what running a graph once needs.
func (p *Program) stepOf(g *ir.Graph, device string) (summary.Step, error) {
	plan, m, err := p.plan(g, &startOptions{device: device})
	if err != nil {
		return summary.Step{}, err
	}
	e := explain.Of(plan)
	s := summary.Step{Flops: e.Totals.Flops, Peak: e.Peak, Memory: []summary.Space{}}
	for _, space := range e.Spaces {
		s.Memory = append(s.Memory, summary.Space{Device: space.Device, Kept: space.Kept, Arena: space.Arena})
	}
	return s, m.close()
}
