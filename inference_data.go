package flowrun

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/table"
)

// What an inference knows of the data that its weights were trained on.

// Prepare makes of raw inputs what Run takes, in place: of an input that is a field of the
// data source (the training's, or that of [Program.StartInferenceOn]), missing values (NaN)
// are filled and all are normalized, if the spec says so, with what the weights have
// learned. Other inputs stay as they are. A field of which the data source's transform
// makes another value is an error, unless StartInferenceOn takes it through the transform.
func (in *Inference) Prepare(inputs map[string]*Tensor) error {
	if err := in.ready(); err != nil {
		return err
	}
	if err := checkTensors("inputs", inputs); err != nil {
		return &InputError{err}
	}
	facts := in.weights.Load().facts
	for _, name := range in.inputs {
		t, f := inputs[name], in.field(name)
		if t == nil || f == nil {
			continue
		}
		if in.source == "" && in.program.spec.Transformed(in.origin(), name) {
			return in.throughTransform(name)
		}
		if f.Classes != nil {
			continue
		}
		if in.source == "" || in.source == in.program.spec.TrainData {
			if err := facts.CheckNormalized(f); err != nil {
				return err
			}
		}
		if f.Normalize == table.NotNormalized && f.Fill.By == table.FillNone {
			continue
		}
		n := f.Type.Shape.Numel()
		switch {
		case in.source == "" && in.program.spec.Transforms(in.origin()):
			return in.throughTransform(name)
		case t.Type.DType != f.Type.DType || n > 0 && t.Type.Shape.Numel()%n != 0:
			return &InputError{fmt.Errorf("the input %s is %s; an example of the field is %s", name, t.Type, f.Type)}
		}
		if err := facts.Check(f); err != nil {
			return err
		}
		if err := data.Prepare(f, facts[name], t.Data); err != nil {
			return err
		}
	}
	return nil
}

// throughTransform is the error for a field that the model doesn't see as it is.
func (in *Inference) throughTransform(name string) error {
	return fmt.Errorf("the input %s goes through the transform of %s, which isn't part of the model: StartInferenceOn takes the fields of a data source through its transform", name, in.origin())
}

// field is the data source's field of an input's name; nil if there is none.
func (in *Inference) field(name string) *table.Field {
	if decl := in.decl(); decl != nil {
		return decl.Field(name)
	}
	return nil
}

// decl is the data source that the inputs are fields of, or the training's; nil if there
// is none that reads files.
func (in *Inference) decl() *table.Decl {
	name := in.source
	if name == "" {
		name = in.program.spec.TrainData
	}
	decl, _ := in.program.spec.Source(name)
	return decl
}

// origin names decl, without its part.
func (in *Inference) origin() string { return in.decl().Name }

// Classes gives the names of the classes that an output is about, by their ids, as the
// spec's labels say and the weights know them; or, with the name of an input that is a
// field of the training's data, those of its ids. It is nil where there are none. An
// output of integers holds ids; otherwise its last dimension has a number for each class.
func (in *Inference) Classes(name string) []string {
	if in.ready() != nil {
		return nil
	}
	facts := in.weights.Load().facts
	if label, ok := in.program.spec.Labels[name]; ok {
		return namesOf(label.Classes, facts[label.Field])
	}
	if f := in.field(name); f != nil && f.Classes != nil && slices.Contains(in.inputs, name) {
		return namesOf(f.Classes, facts[name])
	}
	return nil
}
