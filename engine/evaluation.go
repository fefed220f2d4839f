package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/flowrun/flowrun/ir"
)

// Evaluation computes further metrics regularly. Records have them after the loop's.
type Evaluation struct {
	Every int64 // steps
	// Run gives as many values as there are metrics, which stay as they are. Where ctx ends
	// it, it gives the error of ctx.
	Run func(ctx context.Context) ([]*ir.Tensor, error)
	// Due is the step whose evaluation was begun but not completed, by an interruption or
	// a failure: it is made before the next step. 0: none.
	Due int64

	lock   sync.Mutex // of the values, which may be read during a run
	values []*ir.Tensor
	ran    bool // whether the values are those of an evaluation
}

// NewEvaluation makes an evaluation with its metrics' values until its first run: those
// of an earlier one, or NaN.
func NewEvaluation(every int64, run func(context.Context) ([]*ir.Tensor, error), values []*ir.Tensor) *Evaluation {
	ran := slices.ContainsFunc(values, func(t *ir.Tensor) bool {
		for i := range t.Type.Shape.Numel() {
			if !math.IsNaN(t.Float(i)) {
				return true
			}
		}
		return false
	})
	return &Evaluation{Every: every, Run: run, values: slices.Clone(values), ran: ran}
}

// known reports whether the values are those of an evaluation.
func (e *Evaluation) known() bool {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.ran
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
	e.values, e.ran = slices.Clone(values), true
	return e.values, nil
}

// dueAt reports whether the evaluation of a step is begun but not completed.
func (e *Evaluation) dueAt(step int64) bool { return e != nil && e.Due == step && step > 0 }

// at reports whether a step has an evaluation.
func (e *Evaluation) at(step int64) bool { return e != nil && step > 0 && step%e.Every == 0 }

// evaluate runs the evaluation if it is due after a step, and updates early stopping.
// Where the context ends it, the run is over and the evaluation still due.
func (r *runner) evaluate(ctx context.Context) error {
	e := r.loop.Evaluation
	evaluated := e != nil && r.step%e.Every == 0
	if evaluated {
		e.Due = r.step
		began := time.Now()
		values, err := e.Run(ctx)
		r.record.Evaluating += time.Since(began)
		if err != nil && errors.Is(err, ctx.Err()) {
			r.summary.Stopped = StoppedInterrupted
			return nil
		}
		if err != nil {
			return err
		}
		if r.evaluated, err = e.set(values); err != nil {
			return err
		}
		e.Due = 0
		r.record.Evaluations++
	}
	if e == nil && r.loop.EarlyStop == nil {
		return nil
	}
	defer r.memorize()
	stop, top := r.loop.EarlyStop, r.loop.Top
	var v float64
	var is bool
	var err error
	if stop != nil {
		if v, is, err = r.watched(stop.Index, evaluated); err != nil {
			return err
		}
		if is {
			stop.see(r.step, v)
		}
	}
	if top != nil {
		if stop == nil || top.Index != stop.Index { // else it has been read
			if v, is, err = r.watched(top.Index, evaluated); err != nil {
				return err
			}
		}
		if is {
			top.see(r.step, v)
		}
	}
	return nil
}

// watched is the value that a metric, by its index in Record.Metrics, has after this step;
// false where that isn't new: its evaluation isn't at this step.
func (r *runner) watched(index int, evaluated bool) (float64, bool, error) {
	if at := index - len(r.metrics); at >= 0 {
		if !evaluated {
			return 0, false, nil
		}
		return r.evaluated[at].Float(0), true, nil
	}
	s := r.session
	if err := s.lock(); err != nil {
		return 0, false, err
	}
	defer s.mu.Unlock()
	v, err := s.read(r.metrics[index])
	return v, true, err
}

// evaluateAgain completes a step whose evaluation an earlier run has begun: the metrics
// are those of the step, and the observers see them.
func (r *runner) evaluateAgain(ctx context.Context) error {
	if e := r.loop.Evaluation; !e.dueAt(r.step) || r.step%e.Every != 0 {
		return nil
	}
	if err := r.evaluate(ctx); err != nil || r.summary.Stopped != "" {
		return err
	}
	return r.observe()
}

// EarlyStop ends a run when a metric's best value is Patience steps old. Best and
// At are its memory, with which a later run continues.
type EarlyStop struct {
	ir.EarlyStop
	Index int // of the metric in Record.Metrics

	Best float64 // the last that was better by MinDelta; NaN before there is one
	At   int64   // the step of Best
}

// Top is the best value that a metric had, and its step. A metric that isn't an
// evaluation's is looked at in every step, and takes an EarlyStop of the same one.
type Top struct {
	ir.Watch
	Index int // of the metric in Record.Metrics

	lock sync.Mutex // others than the run ask for the best while it runs
	best Value
}

// NewTop begins with a value that a metric had before; NaN for none.
func NewTop(by ir.Watch, index int, best Value) *Top {
	return &Top{Watch: by, Index: index, best: best}
}

// Best is the best value so far.
func (t *Top) Best() Value {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.best
}

// set goes back to what was the best before.
func (t *Top) set(best Value) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.best = best
}

// Value is what a metric was at a step; NaN before there was one.
type Value struct {
	Value float64
	Step  int64
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

func (t *Top) see(step int64, value float64) {
	if !math.IsInf(value, 0) && Better(value, t.Best().Value, 0, t.Maximise) {
		t.set(Value{value, step})
	}
}

// out reports whether the run ends after a step.
func (e *EarlyStop) out(step int64) bool { return e != nil && step-e.At >= e.Patience }
