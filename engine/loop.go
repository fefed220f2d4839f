package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flowrun/flowrun/ir"
)

// ErrRunning is what Run returns while another Run of the session is in progress.
var ErrRunning = errors.New("engine: another Run of the session is in progress")

var errNoContext = errors.New("engine: the context is nil; context.Background() is one that never ends")

// Run runs steps until the stop condition holds, the limit is reached or the context
// is cancelled. None of these is an error; the summary says which it was. An observer
// or a step that fails ends the run; the other observers still get the last record,
// if the states can be read, so that a failure loses nothing. Metrics are read only
// when an observer is due: on a device, reading costs a copy.
//
// A session allows one Run at a time; a second one returns [ErrRunning]. Other calls
// take effect between its steps, including those of its observers.
func (s *Session) Run(ctx context.Context, l Loop) (Summary, error) {
	if ctx == nil {
		return Summary{}, errNoContext
	}
	r := &runner{session: s, loop: l, start: time.Now()}
	defer r.ended()
	if err := r.prepare(); err != nil {
		return Summary{}, err
	}
	if err := r.run(ctx); err != nil {
		return r.summary, r.salvage(err)
	}
	if err := r.settle(ctx); err != nil {
		return r.summary, r.salvage(err)
	}
	return r.summary, r.end()
}

// runner is a run in progress.
type runner struct {
	session   *Session
	loop      Loop
	start     time.Time
	step      int64 // the counter
	counter   *probe
	stopped   *probe
	loss      *probe
	bad       *probe // the first step whose loss wasn't finite
	skipped   *probe // how many steps have changed nothing
	skips     skips
	watch     *watch // nil without a guard
	diverged  bool   // the loss or a state isn't sound any more: the run is over
	metrics   []*probe
	evaluated []*ir.Tensor // the evaluation's metrics
	moved     bool         // a caller has taken a step, or written a state of the loop
	over      bool         // and the stop condition held after that
	record    Record
	due       []time.Duration // per observer, when it is next due by time
	failed    []bool          // per observer
	told      bool            // of a loss that wasn't finite
	chunk     int64           // steps between readings of the clock
	looked    int64           // the step of the last one
	lookedAt  time.Duration
	summary   Summary
}

// clockEvery is how often the clock is read when observers have an interval.
const clockEvery = 10 * time.Millisecond

func (r *runner) prepare() error {
	s := r.session
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.runner != nil {
		return ErrRunning
	}
	s.runner = r
	if err := r.loop.check(); err != nil {
		return err
	}
	var err error
	if r.counter, err = s.scalar(r.loop.Step); err != nil {
		return err
	}
	for _, name := range []string{r.loop.Step, r.loop.Stopped} {
		if st := s.plan.Graph.State(name); st != nil && s.nodes[st.Read.ID].version == 0 {
			return &Unset{name}
		}
	}
	if err := r.count(); err != nil {
		return err
	}
	for _, o := range []struct {
		name string
		to   **probe
	}{{r.loop.Stopped, &r.stopped}, {r.loop.Loss, &r.loss}, {r.loop.NonFinite, &r.bad}, {r.loop.Skipped, &r.skipped}} {
		if o.name == "" {
			continue
		}
		if *o.to, err = s.scalar(o.name); err != nil {
			return err
		}
	}
	r.metrics = make([]*probe, len(r.loop.Metrics))
	for i, name := range r.loop.Metrics {
		if r.metrics[i], err = s.probe(name); err != nil {
			return err
		}
	}
	if e := r.loop.Evaluation; e != nil {
		r.evaluated = e.latest()
	}
	if e, n := r.loop.EarlyStop, len(r.metrics)+len(r.evaluated); e != nil && (e.Index < 0 || e.Index >= n) {
		return fmt.Errorf("engine: EarlyStop.Index is %d, but there are %d metrics", e.Index, n)
	} else if e != nil && !r.isScalar(e.Index) {
		return fmt.Errorf("engine: EarlyStop.Index is %d, a metric that isn't a scalar", e.Index)
	}
	if t, n := r.loop.Top, len(r.metrics)+len(r.evaluated); t != nil && (t.Index < 0 || t.Index >= n || !r.isScalar(t.Index)) {
		return fmt.Errorf("engine: Top.Index is %d, which is none of the %d metrics, or not a scalar", t.Index, n)
	}
	r.due = make([]time.Duration, len(r.loop.Observers))
	r.failed = make([]bool, len(r.loop.Observers))
	r.chunk = 1
	r.looked = r.step
	return r.beginWatch()
}

// count reads the step counter.
func (r *runner) count() error {
	_, err := r.session.read(r.counter)
	r.step = r.counter.tensor.Int(0)
	return err
}

func (r *runner) run(ctx context.Context) error {
	done := ctx.Done()
	stop, err := r.holds()
	if err != nil {
		return err
	}
	if err := r.evaluateAgain(ctx); err != nil || r.summary.Stopped != "" {
		return err
	}
	for {
		switch {
		case r.diverged:
			return nil // settle says so
		case stop:
			r.summary.Stopped = StoppedUntil
			return nil
		case r.loop.EarlyStop.out(r.step):
			r.summary.Stopped = StoppedEarly
			return nil
		case r.full():
			r.summary.Stopped = r.limited()
			return nil
		}
		select {
		case <-done:
			r.summary.Stopped = StoppedInterrupted
			return nil
		default:
		}
		before := r.step
		if stop, err = r.runSteps(ctx); errors.Is(err, errHalted) {
			r.summary.Stopped = StoppedInterrupted
			return r.recount()
		} else if err != nil {
			return err
		}
		r.tellNonFinite()
		if r.step == before { // another caller has ended it
			continue
		}
		if err := r.guard(); err != nil || r.diverged {
			return err
		}
		if err := r.evaluate(ctx); err != nil || r.summary.Stopped != "" {
			return err
		}
		if err := r.observe(); err != nil {
			return err
		}
	}
}

// runSteps runs the steps that may be queued, and reports whether the run is over.
func (r *runner) runSteps(ctx context.Context) (bool, error) {
	s := r.session
	if err := s.lock(); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	if err := r.follow(); err != nil || r.over || r.full() {
		return r.over, err
	}
	before := r.step
	defer func() { r.summary.Steps += r.step - before }()
	left, err := r.ahead()
	if err != nil {
		return false, err
	}
	s.options.halt.on(ctx)
	defer s.options.halt.off()
	for left > 0 {
		taken, err := s.steps(left)
		if err != nil {
			s.miscounted()
			return false, err
		}
		r.step += taken
		left -= taken
	}
	if r.bad != nil && r.bad.copy == nil { // reading it costs nothing
		if err := r.seeNonFinite(); err != nil {
			return false, err
		}
	}
	if r.stopped == nil {
		if s.plan.RunsAhead { // whether the steps were beyond the last one isn't known
			s.miscounted()
		}
		return false, nil
	}
	stop, err := s.read(r.stopped)
	if err != nil || stop != 0 {
		s.miscounted()
	}
	if err != nil || stop == 0 || r.step == before+1 {
		return stop != 0, err
	}
	return true, r.count() // those queued after the last one changed nothing
}

// ahead is how many steps may be queued until the stop condition has to be read,
// which plans that run ahead can postpone until the clock is due, or metrics.
//
// Steps of a tail aren't masked, so before one it has to be read too.
func (r *runner) ahead() (int64, error) {
	if r.stopped == nil || !r.session.plan.RunsAhead {
		return 1, nil
	}
	n := r.chunk
	for _, limit := range []int64{r.loop.MaxSteps, r.loop.DataSteps} {
		if limit > 0 {
			n = min(n, limit-r.step)
		}
	}
	for _, o := range r.loop.Observers {
		if o.Every > 0 {
			n = min(n, o.Every-r.step%o.Every)
		}
	}
	if e := r.loop.Evaluation; e != nil {
		n = min(n, e.Every-r.step%e.Every)
	}
	if e := r.loop.EarlyStop; e != nil {
		n = min(n, e.At+e.Patience-r.step)
		if e.Index < len(r.metrics) { // it is read after every step
			n = 1
		}
	}
	if t := r.session.tail; t != nil {
		left, err := t.until()
		if err != nil {
			return 0, err
		}
		n = min(n, max(left, 1))
	}
	return n, nil
}

// holds reads the stop condition before the first step.
func (r *runner) holds() (bool, error) {
	if r.stopped == nil {
		return false, nil
	}
	if err := r.session.lock(); err != nil {
		return false, err
	}
	defer r.session.mu.Unlock()
	v, err := r.session.read(r.stopped)
	return v != 0, err
}

// observe calls the observers that are due after a step.
func (r *runner) observe() error {
	var elapsed time.Duration
	looked := false
	if r.step-r.looked >= r.chunk {
		elapsed, looked = time.Since(r.start), true
		r.adapt(elapsed)
	}
	if looked && r.watch.due(elapsed) {
		if err := r.look(); err != nil || r.diverged {
			return err
		}
	}
	fresh := false
	for i := range r.loop.Observers {
		o := &r.loop.Observers[i]
		byCount := o.Every > 0 && r.step%o.Every == 0
		byTime := o.Interval > 0 && looked && elapsed >= r.due[i]
		if !byCount && !byTime && !(o.Evaluations && r.loop.Evaluation.at(r.step)) {
			continue
		}
		if !fresh {
			if err := r.fill(); err != nil {
				return err
			}
			r.tellNonFinite()
			r.tellSkips()
			fresh = true
		}
		if o.Sound && !r.diverged {
			if err := r.look(); err != nil {
				return err
			}
		}
		if r.diverged {
			return nil
		}
		if byTime {
			r.due[i] = elapsed + o.Interval
		}
		if err := o.Observe(r.record); err != nil {
			r.failed[i] = true
			return err
		}
	}
	return nil
}

// adapt chooses how many steps to take before looking at the clock again: it should be
// cheap beside short steps, and punctual beside long ones.
func (r *runner) adapt(elapsed time.Duration) {
	took := elapsed - r.lookedAt
	r.looked, r.lookedAt = r.step, elapsed
	switch {
	case took < clockEvery/2:
		r.chunk = min(2*r.chunk, 1<<20)
	case took > 2*clockEvery:
		r.chunk = max(r.chunk/2, 1)
	}
}

// fill reads what observers are shown.
func (r *runner) fill() error {
	s := r.session
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := r.follow(); err != nil {
		return err
	}
	r.record.Step = r.step
	if r.loop.EpochSteps > 0 {
		r.record.Epoch = r.step / r.loop.EpochSteps
	}
	r.record.Due = r.loop.Evaluation.dueAt(r.step)
	r.record.Fresh = r.loop.Evaluation.at(r.step) && !r.record.Due && r.loop.Evaluation.known()
	r.record.Elapsed = time.Since(r.start)
	var err error
	if r.loss != nil {
		if r.record.Loss, err = s.read(r.loss); err != nil {
			return err
		}
	}
	if r.bad != nil {
		if err := r.seeNonFinite(); err != nil {
			return err
		}
	}
	if r.skipped != nil {
		if _, err := s.read(r.skipped); err != nil {
			return err
		}
		r.record.Skipped = r.skipped.tensor.Int(0)
		r.skips.see(r.step, r.record.Skipped)
	}
	return r.fillMetrics()
}

// ended lets another run begin.
func (r *runner) ended() {
	s := r.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runner == r {
		s.runner = nil
	}
}

// follow notices what other callers have done to the counter and the stop condition.
// The session is locked.
func (r *runner) follow() error {
	if !r.moved {
		return nil
	}
	if err := r.count(); err != nil {
		return err
	}
	r.moved = false
	r.looked = min(r.looked, r.step)
	if r.stopped == nil {
		return nil
	}
	v, err := r.session.read(r.stopped)
	r.over = v != 0
	return err
}

// full reports whether the counter has reached a limit.
func (r *runner) full() bool { return r.limited() != "" }

// limited says which limit the counter has reached; "" if none.
func (r *runner) limited() StopReason {
	switch {
	case r.loop.MaxSteps > 0 && r.step >= r.loop.MaxSteps && r.loop.ByEpochs:
		return StoppedEpochs
	case r.loop.MaxSteps > 0 && r.step >= r.loop.MaxSteps:
		return StoppedMaxSteps
	case r.loop.DataSteps > 0 && r.step >= r.loop.DataSteps:
		return StoppedData
	}
	return ""
}
