package flowrun

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report"
)

// LearningRate is the optimizer's argument lr in a step: "lr", or "lr[PATTERN]" for a group
// of parameters with one of its own.
type LearningRate = report.Rate

// rates computes learning rates on the host, apart from the training step, which knows
// nothing of it.
type rates struct {
	program    *Program
	epochSteps int64

	lock     sync.Mutex
	instance *instance      // nil until it is needed
	latest   []LearningRate // nil: of no step yet
	step     int64          // of latest
	skipped  int64          // of latest
	closed   bool
}

// at gives the rates in the step after so many, of which some were skipped. They are shared,
// and not to be changed.
func (r *rates) at(step, skipped int64) ([]LearningRate, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	g := r.program.spec.Schedule
	if g == nil || r.latest != nil && (step == r.step && skipped == r.skipped || !varies(g)) {
		return r.latest, nil
	}
	latest := make([]LearningRate, len(g.Outputs))
	if !varies(g) {
		for i, out := range g.Outputs {
			latest[i] = LearningRate{Name: out.Name, Value: out.Node.Attrs[0].(*ir.Tensor).Float(0)}
		}
		r.latest = latest
		return latest, nil
	}
	if err := r.start(g); err != nil {
		return nil, err
	}
	values := map[string]*Tensor{ir.StepState: ir.ScalarTensor(ir.I64, step)}
	if g.State(ir.EpochStepsState) != nil {
		values[ir.EpochStepsState] = ir.ScalarTensor(ir.I64, r.epochSteps)
	}
	if g.State(ir.SkippedState) != nil {
		values[ir.SkippedState] = ir.ScalarTensor(ir.I64, skipped)
	}
	if err := r.instance.engine.SetAll(values); err != nil {
		return nil, err
	}
	for i, out := range g.Outputs {
		v, err := r.instance.engine.Get(out.Name)
		if err != nil {
			return nil, err
		}
		latest[i] = LearningRate{Name: out.Name, Value: v.Float(0)}
	}
	r.latest, r.step, r.skipped = latest, step, skipped
	return latest, nil
}

// varies reports whether a schedule changes from step to step.
func varies(g *ir.Graph) bool {
	return slices.ContainsFunc(g.Outputs, func(out ir.Output) bool { return out.Node.Op != ir.ConstOp })
}

// start lowers the schedule onto the host. The rates are locked.
func (r *rates) start(g *ir.Graph) (err error) {
	switch {
	case r.closed:
		return ErrClosed
	case r.instance != nil:
		return nil
	}
	if r.instance, err = r.program.instantiate(context.Background(), g, &startOptions{device: "cpu"}); err != nil {
		return fmt.Errorf("the learning rate: %w", err)
	}
	return nil
}

// close gives its memory back.
func (r *rates) close() error {
	if r == nil {
		return nil
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	in := r.instance
	r.instance, r.closed = nil, true
	return in.close()
}

// LearningRates gives the learning rate of the step that brings the step counter to so
// many, and those of groups of parameters that have their own; none where the optimizer has
// no argument lr. They are computed on the host, from the spec alone; nothing of it is part
// of a step. With accumulate, they are those of the update that the step is a part of.
//
// skipped is how many of these steps were skipped, as a [Record] says, which the optimizer
// doesn't count. If the last one was, the rate is that of the latest step that wasn't.
func (s *Session) LearningRates(step, skipped int64) ([]LearningRate, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	switch {
	case step < 1:
		return nil, fmt.Errorf("LearningRates(%d, %d): the first step is 1", step, skipped)
	case skipped < 0 || skipped > step:
		return nil, fmt.Errorf("LearningRates(%d, %d): 0 to %d steps can be skipped up to that one", step, skipped, step)
	}
	rates, err := s.rates.at(step-1, min(skipped, step-1))
	if err != nil {
		return nil, err
	}
	return append([]LearningRate(nil), rates...), nil
}
