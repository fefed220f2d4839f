package flowrun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// Infer computes the model's outputs once from its inputs by name, with training
// false: Dropout and the like do nothing. The parameters are the spec's initial
// ones unless WithWeights gives others.
func (p *Program) Infer(ctx context.Context, inputs map[string]*Tensor, options ...StartOption) (map[string]*Tensor, error) {
	if err := errors.Join(p.ready(), checkContext(ctx)); err != nil {
		return nil, err
	}
	if err := p.checkInputs(inputs); err != nil {
		return nil, err
	}
	o, err := gatherStart(ctx, options)
	if err != nil {
		return nil, err
	}
	if o.resume.wanted {
		return nil, errors.New("Resume continues training; to infer with the parameters of a checkpoint, read them with ReadWeights")
	}
	in, err := p.instantiate(ctx, p.spec.Infer, o)
	if err != nil {
		return nil, err
	}
	defer in.close()
	values, err := p.initialValues(ctx, p.spec.Infer, o.weights.Tensors)
	if err != nil {
		return nil, err
	}
	maps.Copy(values, inputs)
	if err := in.engine.SetAll(values); err != nil {
		return nil, err
	}
	return in.engine.GetAll(p.Outputs())
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
