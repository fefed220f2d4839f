package flowrun

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/data/rows"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

var errResumeInfers = errors.New("Resume continues training; to infer with the parameters of a checkpoint, read them with ReadWeights")

// inferenceOf is the graph that takes inputs of these types.
func (p *Program) inferenceOf(inputs map[string]*Tensor) (*ir.Graph, error) {
	misfit := p.checkInputs(inputs)
	if misfit == nil {
		return p.spec.Infer, nil
	}
	types := map[string]ir.Type{}
	for name, wanted := range p.Inputs() {
		t := inputs[name]
		if t == nil || t.Check() != nil || t.Type.DType != wanted.DType || len(t.Type.Shape) != len(wanted.Shape) {
			return nil, misfit
		}
		types[name] = t.Type
	}
	if len(types) != len(inputs) {
		return nil, misfit
	}
	g, err := p.sized(func(int64) (*ir.Graph, diag.List) { return p.spec.InferWith(types) }, 0)
	if errors.As(err, new(*SpecError)) {
		return nil, misfit
	}
	return g, err
}

// HasInputs reports whether a file is a safetensors file whose tensors are the model's
// inputs by their names. Where such files are what the data source reads, they hold its
// fields, which are yet to be normalized and transformed.
func (p *Program) HasInputs(path string) bool {
	if _, decl, err := p.sourceFor(FileInference{In: path}); err == nil {
		for _, name := range append(components(decl), decl.Name) {
			if d, _ := p.spec.Source(name); d != nil && d.Kind == rows.Kind.Name {
				return false
			}
		}
	}
	file, err := safetensors.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	names := file.Names()
	for name := range p.Inputs() {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// checkInputs compares inputs with what the model takes.
func (p *Program) checkInputs(inputs map[string]*Tensor) error {
	if err := checkTensors("inputs", inputs); err != nil {
		return err
	}
	var problems []string
	wanted := p.Inputs()
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		switch t := inputs[name]; {
		case t == nil:
			problems = append(problems, fmt.Sprintf("%s (%s) is missing", name, wanted[name]))
		case !t.Type.Equal(wanted[name]):
			problems = append(problems, fmt.Sprintf("%s is %s, the model takes %s", name, t.Type, wanted[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if _, ok := wanted[name]; !ok {
			problems = append(problems, fmt.Sprintf("the model has no input %s", diag.Cut(name)))
		}
	}
	return misfit("inputs", problems)
}

// InputError is the error for inputs that a model can't take: a missing one, a wrong type,
// an index out of range. Others would get an answer.
type InputError struct{ Err error }

// Error says what is wrong with the inputs.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *InputError) Unwrap() error { return e.Err }

// strayInput is the error for an index that is out of range in an input.
func strayInput(name string, t *Tensor, b *ir.Bound, at int) error {
	return &InputError{fmt.Errorf("the input %s is out of range: %s", diag.Cut(name), b.Describe(t, at))}
}
