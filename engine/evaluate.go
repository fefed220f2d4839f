package engine

import (
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// Evaluator computes metrics of a model on other data than it is trained on. It has a
// session of its own, which gets the trained states before each evaluation.
type Evaluator struct {
	*ir.Evaluation   // of whose graph Session is
	Trained, Session *Session
	Shared           []string // the states that Session gets from Trained
}

// Run gives the metrics' means over the batches, all of them at the same step.
func (e *Evaluator) Run() ([]float64, error) {
	values, err := e.Trained.GetAll(e.Shared)
	if err != nil {
		return nil, err
	}
	means := make([]float64, len(e.Metrics))
	for batch := range e.Batches {
		values[ir.StepState] = ir.ScalarTensor(ir.I64, batch)
		if err := e.add(values, means); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		clear(values)
	}
	return means, nil
}

// add adds a batch's share to the means, once values are written.
func (e *Evaluator) add(values map[string]*ir.Tensor, means []float64) error {
	if err := e.Session.SetAll(values); err != nil {
		return err
	}
	for i, name := range e.Metrics {
		t, err := e.Session.Get(name)
		if err != nil {
			return err
		}
		means[i] += t.Float(0) / float64(e.Batches)
	}
	return nil
}
