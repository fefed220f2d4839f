package engine

import (
	"fmt"
	"math"
	"slices"
	"sync"

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

// Evaluation computes further metrics regularly. Records have them after the loop's.
type Evaluation struct {
	Every int64                     // steps
	Run   func() ([]float64, error) // as many as there are metrics

	lock   sync.Mutex // of the values, which may be read during a run
	values []float64
}

// NewEvaluation makes an evaluation with its metrics' values until its first run.
func NewEvaluation(every int64, run func() ([]float64, error), values []float64) *Evaluation {
	return &Evaluation{Every: every, Run: run, values: slices.Clone(values)}
}

// Value is the latest value of a metric, by its number.
func (e *Evaluation) Value(metric int) float64 {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.values[metric]
}

func (e *Evaluation) latest() []float64 {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.values
}

// set takes new values, all together.
func (e *Evaluation) set(values []float64) ([]float64, error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if len(values) != len(e.values) {
		return nil, fmt.Errorf("engine: the evaluation returned %d values for %d metrics", len(values), len(e.values))
	}
	e.values = slices.Clone(values)
	return e.values, nil
}

// EarlyStop ends a run when a metric's best value is Patience steps old. Best and
// At are its memory, with which a later run continues.
type EarlyStop struct {
	ir.EarlyStop
	Index int // of the metric in Record.Metrics

	Best float64 // NaN before there is one
	At   int64   // the step of Best
}

// Better reports whether a value improves on the best one by more than delta. NaN
// never does, and anything else improves on NaN.
func Better(value, best, delta float64, maximise bool) bool {
	switch {
	case math.IsNaN(value):
		return false
	case math.IsNaN(best):
		return true
	case maximise:
		return value > best+delta
	}
	return value < best-delta
}

// see takes a new value of the metric into account.
func (e *EarlyStop) see(step int64, value float64) {
	if Better(value, e.Best, e.MinDelta, e.Maximise) {
		e.Best, e.At = value, step
	}
}

// out reports whether the run ends after a step.
func (e *EarlyStop) out(step int64) bool { return e != nil && step-e.At >= e.Patience }
