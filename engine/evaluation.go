package engine

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/ir"
)

// Evaluation computes further metrics regularly. Records have them after the loop's.
type Evaluation struct {
	Every int64                        // steps
	Run   func() ([]*ir.Tensor, error) // as many as there are metrics, which stay as they are

	lock   sync.Mutex // of the values, which may be read during a run
	values []*ir.Tensor
}

// NewEvaluation makes an evaluation with its metrics' values until its first run.
func NewEvaluation(every int64, run func() ([]*ir.Tensor, error), values []*ir.Tensor) *Evaluation {
	return &Evaluation{Every: every, Run: run, values: slices.Clone(values)}
}

// Value is the latest value of a metric, by its number. It is not to be changed.
func (e *Evaluation) Value(metric int) *ir.Tensor {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.values[metric]
}

func (e *Evaluation) latest() []*ir.Tensor {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.values
}

// set takes new values, all together.
func (e *Evaluation) set(values []*ir.Tensor) ([]*ir.Tensor, error) {
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
