package flowrun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// Eval computes the model's outputs once from its inputs by name, with training
// false: Dropout and the like do nothing. The parameters are the spec's initial
// ones unless WithWeights gives others.
func (p *Program) Eval(ctx context.Context, inputs map[string]*Tensor, options ...StartOption) (map[string]*Tensor, error) {
	if err := errors.Join(p.ready(), checkContext(ctx)); err != nil {
		return nil, err
	}
	if err := p.checkInputs(inputs); err != nil {
		return nil, err
	}
	s, err := p.start(ctx, p.spec.Eval, options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.engine.SetAll(inputs); err != nil {
		return nil, err
	}
	return s.engine.GetAll(p.Outputs())
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
