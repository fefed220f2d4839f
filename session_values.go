package flowrun

import (
	"errors"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Get gives the value of a state (a parameter "h1.weight", a metric "loss" or
// "metrics.loss", "step") after the last step, or of a node of the spec ("h1")
// at the states as they are now, which is what the next step will see. The
// tensor is the caller's own.
func (s *Session) Get(name string) (*Tensor, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if s.engine.Plan().Graph.State(name) == nil && slices.Contains(s.program.spec.Loop.Metrics, name) {
		name = ir.MetricPrefix + name
	}
	if e := s.program.spec.Loop.Evaluation; e != nil {
		if i := slices.Index(e.Metrics, name); i >= 0 {
			return s.loop.Evaluation.Value(i).Clone(), s.engine.Usable()
		}
	}
	return s.engine.Get(name)
}

// Set writes a state. Everything that depends on it, its copies on other
// devices included, is recomputed before it is used again.
func (s *Session) Set(name string, value *Tensor) error {
	return s.SetAll(map[string]*Tensor{name: value})
}

// SetAll writes several states at once; if a name or a type is wrong, none is
// written.
func (s *Session) SetAll(values map[string]*Tensor) error {
	if err := s.ready(); err != nil {
		return err
	}
	if values == nil {
		return errors.New("there are no values to set: the map is nil")
	}
	return s.engine.SetAll(values)
}
