package flowrun

import (
	"cmp"
	"context"
	"fmt"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// evaluationData opens what the evaluation reads: in the order of its files, and prepared
// with what was learned from the training data.
func (s *Session) evaluationData(ctx context.Context, o *startOptions) (_ *dataset, err error) {
	open := data.Options{InOrder: true, Note: o.note}
	if s.train != nil {
		open.Facts = s.train.Facts()
	}
	if s.held, err = s.program.openData(ctx, s.program.spec.EvalData, open); err != nil {
		return nil, err
	}
	return s.held, s.held.verified()
}

// startEvaluation starts the spec's evaluation where the training runs.
func (s *Session) startEvaluation(ctx context.Context, o startOptions, e *ir.Evaluation, from *checkpoint.Resumed) (*engine.Evaluation, error) {
	o.device, o.engine.Inspect = s.device, nil
	held, err := s.evaluationData(ctx, &o)
	if err != nil {
		return nil, err
	}
	batches, err := evaluationBatches(e, held)
	if err != nil {
		return nil, err
	}
	g, tail := e.Graph, (*ir.Graph)(nil)
	if held != nil && batches.size != held.decl.Batch {
		if g, err = s.program.sized(s.program.spec.EvalStep, batches.size); err != nil {
			return nil, err
		}
	}
	if batches.last > 0 {
		if tail, err = s.program.sized(s.program.spec.EvalStep, batches.last); err != nil {
			return nil, err
		}
	}
	if err := held.bound(g); err != nil {
		return nil, err
	}
	if s.evaluator, err = s.program.instantiateWith(ctx, g, tail, batches.whole+1, held, &o); err != nil {
		return nil, err
	}
	values, err := s.program.initialValues(ctx, e.Graph, Weights{})
	if err != nil {
		return nil, err
	}
	if s.train != nil && e.Graph.State(ir.EpochStepsState) != nil {
		values[ir.EpochStepsState] = ir.ScalarTensor(ir.I64, s.loop.EpochSteps)
	}
	evaluator := engine.Evaluator{Evaluation: e, Trained: s.engine, Initial: values, Under: map[string]string{}, Parts: []engine.EvaluationPart{
		{Session: s.evaluator.engine, Batches: batches.whole, Examples: max(1, batches.size)},
	}}
	if batches.last > 0 {
		evaluator.Parts = append(evaluator.Parts, engine.EvaluationPart{
			Session: s.evaluator.engine, From: batches.whole, Batches: 1, Examples: batches.last,
		})
	}
	for _, st := range e.Graph.States {
		if isWeight(st) && s.program.spec.Train.State(st.Name) != nil {
			evaluator.Shared = append(evaluator.Shared, st.Name)
			if average := ir.AverageOf(e.Weights, st.Name); s.program.spec.Train.State(average) != nil {
				evaluator.Under[st.Name] = average
			}
		}
	}
	evaluation := engine.NewEvaluation(e.Every, evaluator.Run, from.Evaluated(e))
	evaluation.Due = from.EvaluationDue()
	return evaluation, s.evaluator.engine.SetAll(values)
}

// evaluated are the batches of an evaluation: whole ones of a size in examples, and then
// perhaps a smaller last one (0: none). Of generated data and recordings, whose batches
// have no examples, the size is 0.
type evaluated struct{ whole, size, last int64 }

// evaluationBatches says what the spec evaluates of a data source; of generated data, held
// is nil.
func evaluationBatches(e *ir.Evaluation, held *dataset) (evaluated, error) {
	if held == nil {
		return evaluated{whole: max(1, e.Batches)}, nil
	}
	size, last, steps := held.batches()
	if e.Batches > steps {
		return evaluated{}, fmt.Errorf("batches is %d, but the data source %s has %d: leave batches out to use all of them",
			e.Batches, held.name, steps)
	}
	if e.Batches > 0 && e.Batches < steps || last == 0 {
		return evaluated{whole: cmp.Or(e.Batches, steps), size: size}, nil
	}
	return evaluated{steps - 1, size, last}, nil
}
