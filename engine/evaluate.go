package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Evaluator computes metrics of a model on other data than it is trained on. It has
// sessions of its own, which get the trained states before each evaluation.
type Evaluator struct {
	*ir.Evaluation
	Trained *Session
	Shared  []string              // the states that the parts' sessions get from Trained
	Under   map[string]string     // what those of Shared are called in Trained that have another name there
	Initial map[string]*ir.Tensor // what accumulators begin with
	Parts   []EvaluationPart      // in the order of their batches
}

// EvaluationPart is those batches of an evaluation that have one size.
type EvaluationPart struct {
	Session  *Session // of the evaluation's graph for batches of that size
	From     int64    // the number of the first batch
	Batches  int64    // how many there are
	Examples int64    // in each: what it weighs in a mean
}

// Run evaluates all batches at the same step of training. It gives each metric's value: a
// final one's after the last batch, the mean of the others over all examples. Scalars are
// f64[], as are the elements of a mean. The end of the context ends it between batches,
// with the context's error.
func (e *Evaluator) Run(ctx context.Context) ([]*ir.Tensor, error) {
	values, err := e.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	return values, nil
}

func (e *Evaluator) run(ctx context.Context) ([]*ir.Tensor, error) {
	trained, err := e.shared()
	if err != nil {
		return nil, err
	}
	gathered := map[string]*ir.Tensor{}
	for _, s := range e.Graph.States {
		if s.Kind == ir.AccumulatorState {
			gathered[s.Name] = e.Initial[s.Name]
		}
	}
	means := newMeans(e.Evaluation)
	var last *Session
	for _, p := range e.Parts {
		if p.Batches < 1 {
			continue
		}
		begin := maps.Clone(trained)
		maps.Copy(begin, gathered)
		begin[ir.StepState] = ir.ScalarTensor(ir.I64, p.From)
		if err := p.Session.SetAll(begin); err != nil {
			return nil, err
		}
		for range p.Batches {
			if err := p.Session.Step(ctx); err != nil {
				return nil, err
			}
			if err := means.add(p.Session, p.Examples); err != nil {
				return nil, err
			}
		}
		if gathered, err = p.Session.GetAll(slices.Collect(maps.Keys(gathered))); err != nil {
			return nil, err
		}
		last = p.Session
	}
	if last == nil {
		return nil, fmt.Errorf("there are no batches")
	}
	final, err := last.GetAll(e.Final)
	if err != nil {
		return nil, err
	}
	values := make([]*ir.Tensor, len(e.Metrics))
	for i, name := range e.Metrics {
		v := final[name]
		switch {
		case v == nil:
			v = means.of(name)
		case len(v.Type.Shape) == 0:
			v = ir.ScalarTensor(ir.F64, v.Float(0))
		}
		values[i] = v
	}
	return values, nil
}

// shared gets the states that the evaluation shares with the training, in its own types: an
// average of a weight in f16 is kept in f32.
func (e *Evaluator) shared() (map[string]*ir.Tensor, error) {
	names := make([]string, len(e.Shared))
	for i, name := range e.Shared {
		names[i] = cmp.Or(e.Under[name], name)
	}
	trained, err := e.Trained.GetAll(names)
	if err != nil {
		return nil, err
	}
	values := make(map[string]*ir.Tensor, len(names))
	for i, name := range e.Shared {
		v := trained[names[i]]
		if t := e.Graph.State(name).Type; names[i] != name && t.DType != v.Type.DType {
			rounded := ir.NewTensor(t)
			for j := range t.Shape.Numel() {
				rounded.SetFloat(j, v.Float(j))
			}
			v = rounded
		}
		values[name] = v
	}
	return values, nil
}

// means are the weighted means of the metrics that aren't final.
type means struct {
	names  []string
	sums   map[string]*ir.Tensor // f64, by metric
	weight float64
}

func newMeans(e *ir.Evaluation) *means {
	m := &means{sums: map[string]*ir.Tensor{}}
	for _, name := range e.Metrics {
		if !slices.Contains(e.Final, name) {
			m.names = append(m.names, name)
			m.sums[name] = ir.NewTensor(ir.Type{DType: ir.F64, Shape: e.Graph.State(name).Type.Shape})
		}
	}
	return m
}

// add adds the values of the batch that a session has evaluated.
func (m *means) add(s *Session, examples int64) error {
	m.weight += float64(examples)
	if len(m.names) == 0 {
		return nil
	}
	values, err := s.GetAll(m.names)
	if err != nil {
		return err
	}
	for name, v := range values {
		sum := m.sums[name]
		if !v.Type.Shape.Equal(sum.Type.Shape) {
			return fmt.Errorf("%s is %s in a batch of %d, but has the shape %s in others, so it has no mean", name, v.Type, examples, sum.Type.Shape)
		}
		for i := range v.Type.Shape.Numel() {
			sum.SetFloat(i, sum.Float(i)+v.Float(i)*float64(examples))
		}
	}
	return nil
}

// of is the mean of a metric.
func (m *means) of(name string) *ir.Tensor {
	mean := m.sums[name]
	for i := range mean.Type.Shape.Numel() {
		mean.SetFloat(i, mean.Float(i)/m.weight)
	}
	return mean
}
