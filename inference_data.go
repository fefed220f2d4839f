package flowrun

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/table"
)

// What an inference knows of the data that its weights were trained on.

// Prepare makes of raw inputs what the model takes, in place: of an input that is a field
// of the training's data source, missing values (NaN) are filled and all are normalized, if
// the spec says so, with what the weights have learned. Other inputs stay as they are.
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
		if t == nil || f == nil || f.Classes != nil {
			continue
		}
		if err := facts.CheckNormalized(f); err != nil {
			return err
		}
		if f.Normalize == table.NotNormalized && f.Fill.By == table.FillNone {
			continue
		}
		n := f.Type.Shape.Numel()
		switch {
		case in.program.spec.Transforms(in.source()):
			return fmt.Errorf("the input %s is normalized or filled, and then goes through the transform of %s, which isn't part of the model: compute it before, or move it into the model", name, in.source())
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

// field is the training data's field of an input's name; nil if there is none.
func (in *Inference) field(name string) *table.Field {
	decl, _ := in.program.spec.Source(in.program.spec.TrainData)
	if decl == nil {
		return nil
	}
	return decl.Field(name)
}

// source names the training's data source, without its part.
func (in *Inference) source() string {
	decl, _ := in.program.spec.Source(in.program.spec.TrainData)
	return decl.Name
}

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
