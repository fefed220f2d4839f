package flowrun

import (
	"context"
	"fmt"
	"math"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// evaluator computes a spec's eval metrics. It is a session of its own, which
// gets the trained parameters before each evaluation.
type evaluator struct {
	*Session
	trained *Session
	shared  []string // the states that it gets
	spec    *spec.Evaluation
}

// newEvaluator starts the evaluation's session where the training runs.
func (s *Session) newEvaluator(ctx context.Context, e *spec.Evaluation, options []StartOption) (*evaluator, error) {
	fresh := func(o *startOptions) {
		o.device, o.weights, o.given, o.resume = s.Device(), nil, false, resumption{}
	}
	own, err := s.program.start(ctx, e.Graph, append(options[:len(options):len(options)], fresh))
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	v := &evaluator{Session: own, trained: s, spec: e}
	for _, st := range e.Graph.States {
		if isWeight(st) && s.engine.Plan().Graph.State(st.Name) != nil {
			v.shared = append(v.shared, st.Name)
		}
	}
	return v, nil
}

// run gives the metrics' means over the batches, all of them at the same step.
func (v *evaluator) run() ([]float64, error) {
	values, err := v.trained.engine.GetAll(v.shared)
	if err != nil {
		return nil, err
	}
	means := make([]float64, len(v.spec.Metrics))
	for batch := range v.spec.Batches {
		values[ir.StepState] = ir.ScalarTensor(ir.I64, batch)
		if err := v.engine.SetAll(values); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		clear(values)
		for i, name := range v.spec.Metrics {
			t, err := v.engine.Get(name)
			if err != nil {
				return nil, fmt.Errorf("eval: %w", err)
			}
			means[i] += t.Float(0) / float64(v.spec.Batches)
		}
	}
	return means, nil
}

// judges prepares what looks at metrics while a run goes on: evaluation, early
// stopping, checkpoints. remembered is what a checkpoint says about them.
func (s *Session) judges(ctx context.Context, options []StartOption, remembered map[string]*Tensor) (err error) {
	l := s.program.spec.Loop
	if l.Evaluation != nil {
		if s.evaluator, err = s.newEvaluator(ctx, l.Evaluation, options); err != nil {
			return err
		}
		var values []float64
		for _, name := range l.Evaluation.Metrics {
			values = append(values, recall(remembered, name, math.NaN()))
		}
		s.evaluation = engine.NewEvaluation(l.Evaluation.Every, s.evaluator.run, values)
	}
	step := int64(0)
	if s.resumed != nil {
		step = s.resumed.Step
	}
	if e := l.EarlyStop; e != nil {
		s.early = &engine.EarlyStop{Maximise: e.Maximise, Patience: e.Patience, MinDelta: e.MinDelta,
			Best: recall(remembered, "early_stop.best", math.NaN()),
			At:   int64(recall(remembered, "early_stop.step", float64(step)))}
		for i, name := range s.program.Metrics() {
			if name == e.Metric {
				s.early.Metric = i
			}
		}
	}
	if l.Checkpoint != nil {
		if s.saver, err = s.newSaver(l.Checkpoint, recall(remembered, "best", math.NaN())); err != nil {
			return err
		}
	}
	return nil
}
