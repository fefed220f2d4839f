package flowrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/internal/hooks"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
)

// ErrClosed is what every call on a closed session gives that can give an error.
var ErrClosed = engine.ErrClosed

// ErrRunning is what [Session.Run] gives while another Run of the session goes on.
var ErrRunning = engine.ErrRunning

// Session is a running program. Close gives its memory and devices back.
type Session struct {
	program *Program
	machine *machine
	engine  *engine.Session
	device  string // the default device's name
	closers []io.Closer
	closing sync.Mutex
	closed  bool

	remembered map[string]*Tensor // of the checkpoint that it goes on from
	resumed    *Resumption        // nil: it began anew
	evaluator  *evaluator         // nil without an evaluation, as are the others
	evaluation *engine.Evaluation
	early      *engine.EarlyStop
	store      *checkpoint.Store // nil without checkpoints, as is the saver
	saver      *saver
	anew       *checkpoint.Run // what a run that begins anew is called
}

// Start lowers the program's training step onto devices, allocates its memory
// and sets its states to their initial values. No step is run.
func (p *Program) Start(ctx context.Context, options ...StartOption) (*Session, error) {
	if err := errors.Join(p.ready(), checkContext(ctx)); err != nil {
		return nil, err
	}
	if p.spec.Train == nil {
		return nil, fmt.Errorf("%s has no train section: there is nothing to run (evaluate it with eval)", p.spec.File)
	}
	s, err := p.start(ctx, p.spec.Train, options)
	if err != nil {
		return nil, err
	}
	if err := s.judges(ctx, options, s.remembered); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// start makes a session for one of the program's graphs.
func (p *Program) start(ctx context.Context, g *ir.Graph, options []StartOption) (_ *Session, err error) {
	var o startOptions
	if err := errors.Join(apply(&o, "StartOption", options), o.check()); err != nil {
		return nil, err
	}
	o.files, o.fault, o.sim = hooks.Of[files.Fault](ctx), hooks.Of[func(string) int32](ctx), hooks.Of[sim.Options](ctx)
	s := &Session{program: p}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.openStore(g, &o); err != nil {
		return nil, err
	}
	plan, m, err := p.plan(g, &o)
	if err != nil {
		return nil, errors.Join(ctx.Err(), err) // who has ended this may have ended the search for devices
	}
	s.machine, s.device = m, m.devices[m.main].Name()
	if o.engine.DataSources, err = s.openSources(g); err != nil {
		return nil, err
	}
	if s.engine, err = engine.New(plan, m.devices, o.engine); err != nil {
		return nil, err
	}
	if from, err := s.openCheckpoint(o.resume); err != nil {
		return nil, err
	} else if from != nil {
		defer from.Close()
		values, err := s.readCheckpoint(from, g)
		if err != nil {
			return nil, err
		}
		return s, s.engine.SetAll(values)
	}
	if w := p.spec.Loop.Weights; w != nil && o.weights == nil && g == p.spec.Train {
		if o.weights, err = p.readWeights(w, g); err != nil {
			return nil, err
		}
	}
	values, err := p.initialValues(ctx, g, o.weights)
	if err != nil {
		return nil, err
	}
	if o.weights != nil {
		if err := p.checkWeights(g, o.weights); err != nil {
			return nil, err
		}
		for name, t := range o.weights {
			if g.State(name) != nil {
				values[name] = t
			}
		}
	}
	if s.store != nil {
		if s.anew, err = s.newRun(values); err != nil {
			return nil, err
		}
	}
	return s, s.engine.SetAll(values)
}

// plan opens the machine and lowers a graph onto it.
func (p *Program) plan(g *ir.Graph, o *startOptions) (*lower.Plan, *machine, error) {
	fallback := o.device
	if fallback == "" {
		fallback = p.spec.Placement.Default
	}
	rules := slices.Concat(p.spec.Placement.Rules, o.rules)
	m, err := openMachine(fallback, rules, boundDevices(g), o)
	if err != nil {
		return nil, nil, err
	}
	manifest, err := kernels.Load()
	if err != nil {
		return nil, nil, errors.Join(err, m.close())
	}
	lo := o.lower
	lo.Rules, lo.Manifest = rules, manifest
	plan, err := m.lower(g, lo)
	if err != nil {
		return nil, nil, errors.Join(err, m.close())
	}
	return plan, m, nil
}

// boundDevices lists the devices that the spec binds nodes and states to.
func boundDevices(g *ir.Graph) []string {
	seen := map[string]bool{}
	for _, n := range g.Nodes {
		seen[n.Device] = true
	}
	for _, s := range g.States {
		seen[s.Device] = true
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}

// openSources opens the data files that a graph reads.
func (s *Session) openSources(g *ir.Graph) (map[string]engine.DataSource, error) {
	used := map[string]bool{}
	for _, n := range g.Nodes {
		if n.Op == ir.SourceOp {
			used[n.Str("source")] = true
		}
	}
	sources := map[string]engine.DataSource{}
	for _, decl := range s.program.spec.Sources {
		if !used[decl.Name] {
			continue
		}
		source, err := s.program.openData(decl)
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, source)
		if err := source.Verify(); err != nil {
			return nil, fmt.Errorf("data source %s: %w", decl.Name, err)
		}
		sources[decl.Name] = source
	}
	return sources, nil
}

// initialValues computes what the states of g start with, on the host. The
// parameters in given needn't be computed.
func (p *Program) initialValues(ctx context.Context, g *ir.Graph, given map[string]*Tensor) (map[string]*Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	init := p.spec.Init.Clone()
	init.Outputs = slices.DeleteFunc(init.Outputs, func(out ir.Output) bool {
		return given[out.Name] != nil || g.State(out.Name) == nil
	})
	values := map[string]*Tensor{}
	if len(init.Outputs) == 0 {
		return values, nil
	}
	plan, m, err := p.plan(init, &startOptions{device: "cpu"})
	if err != nil {
		return nil, fmt.Errorf("initial values: %w", err)
	}
	defer m.close()
	run, err := engine.New(plan, m.devices, engine.Options{})
	if err != nil {
		return nil, fmt.Errorf("initial values: %w", err)
	}
	defer run.Close()
	for _, out := range init.Outputs {
		if values[out.Name], err = run.Get(out.Name); err != nil {
			return nil, fmt.Errorf("initial value of %s: %w", out.Name, err)
		}
	}
	return values, nil
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
	if s == nil || s.engine == nil {
		return errors.New("there is no session: one is made by Start, where it gives no error")
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
	l := s.program.spec.Loop
	loop := engine.Loop{Step: ir.StepState, Loss: ir.LossState, NonFinite: ir.NonFiniteState, MaxSteps: l.MaxSteps}
	if l.Until {
		loop.Stopped = ir.StoppedState
	}
	for _, m := range l.Metrics {
		loop.Metrics = append(loop.Metrics, ir.MetricPrefix+m)
	}
	loop.Evaluation, loop.EarlyStop = s.evaluation, s.early
	if err := apply(&loop, "RunOption", options); err != nil {
		return Summary{}, err
	}
	if s.saver != nil {
		if err := s.saver.begin(); err != nil {
			return Summary{}, err
		}
		loop.Observers = append(loop.Observers, s.saver.observer(loop.Observers))
	}
	return s.engine.Run(ctx, loop)
}

// RunOption changes a run.
type RunOption func(*engine.Loop)

// MaxSteps overrides the spec's max_steps: the run ends when the step counter
// reaches it.
func MaxSteps(n int64) RunOption { return func(l *engine.Loop) { l.MaxSteps = n } }

// Observe adds an observer.
func Observe(o Observer) RunOption {
	return func(l *engine.Loop) { l.Observers = append(l.Observers, o) }
}

// OnNonFinite has told the first step whose loss was infinite or NaN, once, as soon
// as it is known: where the loss is on a device, when metrics are read.
func OnNonFinite(tell func(step int64)) RunOption {
	return func(l *engine.Loop) { l.TellNonFinite = tell }
}

// Step runs one step, whatever the stop condition says. While a Run goes on, it is a
// step between two of that.
func (s *Session) Step(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	return s.engine.Step(ctx)
}

// Get gives the value of a state (a parameter "h1.weight", a metric "loss" or
// "metrics.loss", "step") after the last step, or of a node of the spec ("h1")
// at the states as they are now, which is what the next step will see. The
// tensor is the caller's own.
func (s *Session) Get(name string) (*Tensor, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if s.engine.Plan().Graph.State(name) == nil && slices.Contains(s.program.spec.Loop.Metrics, name) {
		name = ir.MetricPrefix + name
	}
	if e := s.program.spec.Loop.Evaluation; e != nil && s.evaluation != nil {
		if i := slices.Index(e.Metrics, name); i >= 0 {
			return ir.ScalarTensor(ir.F64, s.evaluation.Value(i)), s.engine.Usable()
		}
	}
	return s.engine.Get(name)
}

// Set writes a state. Everything that depends on it, its copies on other
// devices first of all, is computed anew before it is used again.
func (s *Session) Set(name string, value *Tensor) error {
	return s.SetAll(map[string]*Tensor{name: value})
}

// SetAll writes several states at once; if a name or a type is wrong, none is
// written.
func (s *Session) SetAll(values map[string]*Tensor) error {
	if err := s.ready(); err != nil {
		return err
	}
	if values == nil {
		return errors.New("there are no values to set: the map is nil")
	}
	return s.engine.SetAll(values)
}

// statesThat gives the states that a function chooses, all of them after the same
// step, whatever others do at the time.
func (s *Session) statesThat(chosen func(*ir.State) bool) (map[string]*Tensor, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	var names []string
	for _, st := range s.engine.Plan().Graph.States {
		if chosen(st) {
			names = append(names, st.Name)
		}
	}
	return s.engine.GetAll(names)
}

// Stats counts what the session has done: kernels, copies, memory. It may be called
// after Close.
func (s *Session) Stats() Stats {
	if s.ready() != nil {
		return Stats{}
	}
	return s.engine.Stats()
}

// Device names the default device: the one that was asked for, or that auto
// chose. It may be called after Close.
func (s *Session) Device() string {
	if s.ready() != nil {
		return ""
	}
	return s.device
}

// Plan is the lowered plan that the session runs, also after Close. It is not to be
// changed.
func (s *Session) Plan() *lower.Plan {
	if s.ready() != nil {
		return nil
	}
	return s.engine.Plan()
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
	var errs []error
	if s.evaluator != nil {
		errs = append(errs, s.evaluator.Close())
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	errs = append(errs, s.store.Close())
	if s.machine != nil {
		errs = append(errs, s.machine.close())
	}
	return errors.Join(errs...)
}
