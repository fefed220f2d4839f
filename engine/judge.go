package engine

import "math"

// Evaluation computes further metrics every so many steps, between two steps.
// Records have them behind the loop's own.
type Evaluation struct {
	Every  int64                     // steps
	Run    func() ([]float64, error) // as many as there are Values
	Values []float64                 // the latest; NaN before the first evaluation
}

// EarlyStop ends a run when a metric's best value is Patience steps old. Best and
// At are its memory: a later run goes on with them.
type EarlyStop struct {
	Metric   int // of Record.Metrics
	Maximise bool
	Patience int64
	MinDelta float64 // by how much a value must be better

	Best float64 // NaN before there is one
	At   int64   // the step of Best
}

// Better reports whether a value is better than the best one by more than delta.
// NaN is never better, and anything else is better than NaN.
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
