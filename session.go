package flowrun

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// ErrClosed is what calls on a closed session return.
var ErrClosed = engine.ErrClosed

// ErrRunning is what [Session.Run] returns while another Run of the session is active.
var ErrRunning = engine.ErrRunning

// Session is a running program. Close gives its memory and devices back.
type Session struct {
	*instance // nil: nobody has started it
	program   *Program
	evaluator *instance // nil without an evaluation
	loop      engine.Loop
	keep      *keeper           // nil: the run isn't kept
	store     *checkpoint.Store // nil without checkpoints, as is the saver
	saver     *checkpoint.Saver
	weights   *WeightsReport    // of the file that it began with; nil: of none
	resumed   *Resumption       // nil: it began anew
	settings  *ir.Loop          // the spec's, in steps
	rates     rates             // of learning
	train     *dataset          // nil: batches are generated
	held      *dataset          // the evaluation's, if that is other data than train
	learned   string            // what was learned from the data, as JSON; "" if nothing was
	graph     *ir.Graph         // of a step
	tailGraph *ir.Graph         // of a step whose batch is smaller, every loop.EpochSteps; nil if there is none
	beginning *engine.Beginning // of the training's states
	closing   sync.Mutex
	closed    bool
}

// Start lowers the program's training step onto devices, allocates its memory
// and sets its states to their initial values. No step is run.
func (p *Program) Start(ctx context.Context, options ...StartOption) (_ *Session, err error) {
	if err := errors.Join(p.ready(), checkContext(ctx)); err != nil {
		return nil, err
	}
	if p.spec.Train == nil {
		return nil, fmt.Errorf("%s has no train section, so there is nothing to train (flowrun infer computes the model's outputs)", p.spec.File)
	}
	o, err := gatherStart(ctx, options)
	if err != nil {
		return nil, err
	}
	s := &Session{program: p}
	o.tellWeights = s.hearWeights(o.tellWeights)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.keep, err = p.openKeeper(o); err != nil {
		return nil, err
	}
	if s.store, err = p.openStore(s.keep, o.resume, o.files); err != nil {
		return nil, err
	}
	from, err := p.readCheckpoint(s.store, s.keep.resumption(o.resume))
	if err != nil {
		return nil, err
	}
	if err := s.keep.continues(from, s.store); err != nil {
		return nil, err
	}
	weights, err := p.firstWeights(from, o)
	if err != nil {
		return nil, err
	}
	if err := s.openTraining(ctx, o, from, weights); err != nil {
		return nil, err
	}
	if err := s.startTraining(ctx, o); err != nil {
		return nil, err
	}
	values, err := p.firstValues(ctx, from, weights)
	if err != nil {
		return nil, err
	}
	if s.train != nil && p.spec.Train.State(ir.EpochStepsState) != nil {
		_, _, steps := s.train.batches()
		values[ir.EpochStepsState] = ir.ScalarTensor(ir.I64, steps)
	}
	if err := s.checkFirst(o, from, values); err != nil {
		return nil, err
	}
	if err := s.engine.SetAll(values); err != nil {
		return nil, err
	}
	if err := s.prepareLoop(ctx, o, from, values); err != nil {
		return nil, err
	}
	return s, s.keep.describe(s, o)
}

// openTraining opens the training data, and compares it with what a checkpoint was
// trained on. What the weights know of it isn't learned again.
func (s *Session) openTraining(ctx context.Context, o *startOptions, from *checkpoint.Resumed, weights Weights) (err error) {
	p := s.program
	open := data.Options{Note: o.note}
	if from != nil {
		weights.learned = from.Learned
	}
	switch {
	case from == nil:
		open.Facts, err = p.factsOf(ctx, weights.learned)
	case weights.learned != "":
		open.Facts, err = learned.Parse(weights.learned)
	}
	if err != nil {
		return err
	}
	if s.train, err = p.openData(ctx, p.spec.TrainData, open); err != nil {
		if from == nil {
			err = orForget(err, weights.learned)
		}
		return err
	}
	if err := s.train.verified(); err != nil {
		return err
	}
	s.learned = s.train.learned()
	if s.learned == "" {
		s.learned = weights.learned // for whoever infers on other data with these weights
	}
	if err := s.train.sameAs(from, p.spec.Seed, o.changedData); err != nil {
		return err
	}
	if s.settings, err = p.resolve(s.train); err != nil {
		return err
	}
	if o.logEvery != 0 {
		s.settings.LogEvery = o.logEvery
	}
	if s.keep != nil {
		s.settings.Checkpoint = s.keep.checkpoints(s.settings.Checkpoint)
	}
	return s.train.checkLimit(s.settings.MaxSteps)
}

// startTraining lowers the training step, and that of a smaller last batch.
func (s *Session) startTraining(ctx context.Context, o *startOptions) (err error) {
	p := s.program
	g, tail := p.spec.Train, (*ir.Graph)(nil)
	steps := int64(0)
	if s.train != nil {
		var size, last int64
		if size, last, steps = s.train.batches(); size != s.train.decl.Batch {
			if g, err = p.sized(p.spec.TrainStep, size); err != nil {
				return err
			}
		}
		if last > 0 {
			if tail, err = p.sized(p.spec.TrainStep, last); err != nil {
				return err
			}
		}
	}
	if err := s.train.bound(g); err != nil {
		return err
	}
	s.graph, s.tailGraph = g, tail
	s.instance, err = p.instantiateWith(ctx, g, tail, steps, s.train, o)
	return err
}

// firstWeights are those that training begins with: given ones, or those of train.init or
// model.init; none for the spec's initial values, or with a checkpoint.
func (p *Program) firstWeights(from *checkpoint.Resumed, o *startOptions) (Weights, error) {
	if from != nil {
		return Weights{}, nil
	}
	return p.trainingWeights(o)
}

// firstValues are what a training run's states start with: a checkpoint's, or the
// spec's initial ones under given weights.
func (p *Program) firstValues(ctx context.Context, from *checkpoint.Resumed, weights Weights) (_ map[string]*Tensor, err error) {
	if from != nil {
		return from.States, nil
	}
	return p.initialValues(ctx, p.spec.Train, weights)
}

// prepareLoop says how to run steps, and opens what looks at metrics meanwhile:
// evaluation, early stopping, checkpoints.
func (s *Session) prepareLoop(ctx context.Context, o *startOptions, from *checkpoint.Resumed, values map[string]*Tensor) (err error) {
	l := s.settings
	s.beginning = engine.NewBeginning(s.program.spec.Train.States, values)
	s.loop = engine.Loop{Step: ir.StepState, MaxSteps: l.MaxSteps, ByEpochs: l.Epochs > 0,
		Guard: s.guard(o)}
	if s.graph.State(ir.LossState) != nil { // else nothing is minimized
		s.loop.Loss, s.loop.NonFinite = ir.LossState, ir.NonFiniteState
	}
	if l.Skips() {
		s.loop.Skipped = ir.SkippedState
	}
	if s.train != nil {
		s.loop.DataSteps = s.train.Steps()
		_, _, s.loop.EpochSteps = s.train.batches()
	}
	s.rates.program, s.rates.epochSteps = s.program, s.loop.EpochSteps
	if l.Until {
		s.loop.Stopped = ir.StoppedState
	}
	for _, m := range l.Metrics {
		s.loop.Metrics = append(s.loop.Metrics, ir.MetricPrefix+m)
	}
	if l.Evaluation != nil {
		if s.loop.Evaluation, err = s.startEvaluation(ctx, *o, l.Evaluation, from); err != nil {
			return fmt.Errorf("eval: %w", err)
		}
	}
	if l.EarlyStop != nil {
		s.loop.EarlyStop = from.EarlyStop(l.EarlyStop, l.AllMetrics())
	}
	if l.Checkpoint == nil || l.Checkpoint.Best == nil { // else the saver knows the best
		s.loop.Top = from.Top(l.Decides(), l.AllMetrics())
	}
	if s.store != nil {
		if s.saver, err = checkpoint.NewSaver(s.store, l, s.program.facts(), s.engine, &s.loop, from, values); err != nil {
			return err
		}
		if g := s.loop.Guard; g != nil {
			g.Reload = s.saver.Reload
		}
		s.saver.Beginning = s.beginning
		if s.saver.Rendered, err = s.program.rendered(o.note); err != nil {
			return err
		}
		s.saver.Learned, s.saver.Data = s.learned, s.train.describe(s.program.spec.Seed)
	}
	if from != nil {
		s.resumed = &Resumption{Path: from.Path, Step: from.Step, Differences: from.Differences}
		if e := s.loop.Evaluation; e != nil {
			s.resumed.EvaluationDue = e.Due > 0 && e.Due%e.Every == 0
		}
		if s.saver != nil {
			s.resumed.GoesBack, s.resumed.Replaces = s.saver.GoesBack, s.saver.Replaces
		}
	}
	return nil
}

// checkContext is the error for a context that can't be, or has ended.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return errors.New("the context is nil; context.Background() is one that never ends")
	}
	return ctx.Err()
}

// ready is the error for a session that nobody has started.
func (s *Session) ready() error {
	if s == nil || s.instance == nil {
		return errors.New("there is no session: Start makes one, if it returns no error")
	}
	return nil
}

// Run trains until the spec's stop condition holds, its max_steps is reached,
// early_stop sees no improvement, or ctx is cancelled, which is a way to end and no
// error. Options change the limit and add observers. An observer that fails ends the
// run like a cancelled ctx, with its last checkpoint, and its error is given back.
func (s *Session) Run(ctx context.Context, options ...RunOption) (Summary, error) {
	if err := s.ready(); err != nil {
		return Summary{}, err
	}
	if ctx == nil {
		return Summary{}, checkContext(ctx)
	}
	loop := s.loop
	if err := apply(&loop, "RunOption", options); err != nil {
		return Summary{}, err
	}
	if err := s.train.checkLimit(loop.MaxSteps); err != nil {
		return Summary{}, err
	}
	if tell := loop.TellSkipped; tell != nil && s.settings.OnNonFinite != ir.SkipNonFinite {
		loop.TellSkipped = func(skipped, row int64) {
			if row > 0 { // else a scale of the loss was too large, as it is now and then
				tell(skipped, row)
			}
		}
	}
	if s.keep != nil {
		return s.keep.run(ctx, s, loop)
	}
	return s.runLoop(ctx, loop)
}

// runLoop runs a loop with its checkpoints.
func (s *Session) runLoop(ctx context.Context, loop engine.Loop) (Summary, error) {
	if s.saver != nil {
		if err := s.saver.Begin(); err != nil {
			return Summary{}, err
		}
		loop.Observers = append(loop.Observers, s.saver.Observer(loop.Observers))
	}
	summary, err := s.engine.Run(ctx, loop)
	if d := summary.Divergence; d != nil {
		if s.saver != nil {
			d.Checkpoint = s.saver.Latest()
		}
		if s.settings.ScalesLoss {
			if scale, err := s.engine.Get(ir.LossScaleState); err == nil {
				d.Scale = scale.Float(0)
			}
		}
	}
	return summary, err
}

// RunOption changes a run.
type RunOption func(*engine.Loop)

// MaxSteps overrides the spec's max_steps: the run ends when the step counter
// reaches it.
func MaxSteps(n int64) RunOption { return func(l *engine.Loop) { l.MaxSteps, l.ByEpochs = n, false } }

// Observe adds an observer.
func Observe(o Observer) RunOption {
	return func(l *engine.Loop) { l.Observers = append(l.Observers, o) }
}

// OnNonFinite calls a function once, with the first step whose loss was infinite or
// NaN, as soon as that is known: if the loss is on a device, when metrics are read.
func OnNonFinite(tell func(step int64)) RunOption {
	return func(l *engine.Loop) { l.TellNonFinite = tell }
}

// Step runs one step, whatever the stop condition says. During a Run, it is a step
// between two of the run's.
func (s *Session) Step(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	return s.engine.Step(ctx)
}

// Close gives memory, files and devices back. It may be called at any time, also while
// other methods are at work and from an observer: it waits for the step that is being
// computed, and what comes after it gives [ErrClosed]. A second call does nothing.
func (s *Session) Close() error {
	if s == nil {
		return nil
	}
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.evaluator.close(), s.instance.close(), s.held.close(), s.train.close(), s.rates.close(), s.store.Close(), s.keep.close())
}
