package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
)

// Loop says how to run steps: which states hold the counter, the stop
// condition, the loss and the metrics, and when to stop.
type Loop struct {
	Step     string   // the step counter, i64[]
	Stopped  string   // the stop condition, bool[]; "" if there is none
	Loss     string   // the raw loss; "" if there is none
	Metrics  []string // in the order in which observers see them
	MaxSteps int64    // stop when the counter reaches it; 0: no limit

	Evaluation *Evaluation // nil if there is none
	EarlyStop  *EarlyStop  // nil if there is none
	Observers  []Observer
}

// probe reads a scalar state after a step.
type probe struct {
	tensor *ir.Tensor
	space  int
	copy   device.Command // nil if tensor is the state's own memory
}

func (s *Session) probe(name string) (*probe, error) {
	st := s.plan.Graph.State(name)
	if st == nil {
		return nil, fmt.Errorf("engine: there is no state %s", name)
	}
	if len(st.Type.Shape) != 0 {
		return nil, fmt.Errorf("engine: %s is %s, not a scalar", name, st.Type)
	}
	home := s.slice(int32(st.Read.ID))
	p := &probe{space: st.Home}
	if host := home.Host(); host != nil {
		p.tensor = &ir.Tensor{Type: st.Type, Data: host}
		return p, nil
	}
	p.tensor = ir.NewTensor(st.Type)
	var err error
	p.copy, err = s.devices[st.Home].BindToHost(p.tensor.Data, home)
	return p, err
}

// read gives the state's value as it is now.
func (s *Session) read(p *probe) (float64, error) {
	if p.copy != nil {
		if err := p.copy.Run(); err != nil {
			return 0, s.blame(err)
		}
		s.countCopy(&s.stats, p.space, 0, int64(len(p.tensor.Data)), 1)
	}
	return p.tensor.Float(0), nil
}

// Run runs steps until the stop condition holds, the limit is reached or the
// context is cancelled; that is no error, and the summary says which it was.
// After an error observers see no last record.
// Metrics are read only when an observer wants them: on a device, reading costs
// a copy.
func (s *Session) Run(ctx context.Context, l Loop) (Summary, error) {
	r := &runner{session: s, loop: l, start: time.Now()}
	if err := r.prepare(); err != nil {
		return Summary{}, err
	}
	if err := r.run(ctx); err != nil {
		return r.summary, err
	}
	return r.summary, r.end()
}

// runner is a run in progress.
type runner struct {
	session  *Session
	loop     Loop
	start    time.Time
	step     int64 // the counter
	counter  *probe
	stopped  *probe
	loss     *probe
	metrics  []*probe
	record   Record
	due      []time.Duration // per observer, when it is next due by time
	chunk    int64           // steps between looks at the clock
	looked   int64           // the step of the last look
	lookedAt time.Duration
	summary  Summary
}

// clockEvery is how often the clock is looked at when observers go by time.
const clockEvery = 10 * time.Millisecond

func (r *runner) prepare() error {
	s := r.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	var err error
	if r.counter, err = s.probe(r.loop.Step); err != nil {
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
	if r.loop.Stopped != "" {
		if r.stopped, err = s.probe(r.loop.Stopped); err != nil {
			return err
		}
	}
	if r.loop.Loss != "" {
		if r.loss, err = s.probe(r.loop.Loss); err != nil {
			return err
		}
	}
	for _, name := range r.loop.Metrics {
		p, err := s.probe(name)
		if err != nil {
			return err
		}
		r.metrics = append(r.metrics, p)
	}
	r.record.Metrics = make([]float64, len(r.metrics))
	if e := r.loop.Evaluation; e != nil {
		r.record.Metrics = append(r.record.Metrics, e.Values...)
	}
	if e := r.loop.EarlyStop; e != nil && (e.Metric < 0 || e.Metric >= len(r.record.Metrics)) {
		return fmt.Errorf("engine: early stop by metric %d; there are %d", e.Metric, len(r.record.Metrics))
	}
	r.due = make([]time.Duration, len(r.loop.Observers))
	r.chunk = 1
	r.looked = r.step
	return nil
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
	for {
		switch {
		case stop:
			r.summary.Stopped = StoppedUntil
			return nil
		case r.loop.EarlyStop.out(r.step):
			r.summary.Stopped = StoppedEarly
			return nil
		case r.loop.MaxSteps > 0 && r.step >= r.loop.MaxSteps:
			r.summary.Stopped = StoppedMaxSteps
			return nil
		}
		select {
		case <-done:
			r.summary.Stopped = StoppedInterrupted
			return nil
		default:
		}
		if stop, err = r.some(); err != nil {
			return err
		}
		if err := r.judge(); err != nil {
			return err
		}
		if err := r.observe(); err != nil {
			return err
		}
	}
}

// judge evaluates, and looks whether the metric of early stopping is better than
// ever, after a step.
func (r *runner) judge() error {
	e, stop := r.loop.Evaluation, r.loop.EarlyStop
	evaluated := e != nil && r.step%e.Every == 0
	if evaluated {
		values, err := e.Run()
		if err != nil {
			return err
		}
		copy(e.Values, values)
		copy(r.record.Metrics[len(r.metrics):], e.Values)
	}
	if stop == nil {
		return nil
	}
	if stop.Metric >= len(r.metrics) {
		if evaluated {
			stop.see(r.step, r.record.Metrics[stop.Metric])
		}
		return nil
	}
	s := r.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	v, err := s.read(r.metrics[stop.Metric])
	stop.see(r.step, v)
	return err
}

// some runs a step, or several where they may be queued ahead, and says whether
// the stop condition now holds.
func (r *runner) some() (bool, error) {
	s := r.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return false, err
	}
	before := r.step
	defer func() { r.summary.Steps += r.step - before }()
	for left := r.ahead(); left > 0; {
		taken, err := s.steps(left)
		if err != nil {
			return false, err
		}
		r.step += taken
		left -= taken
	}
	if r.stopped == nil {
		return false, nil
	}
	stop, err := s.read(r.stopped)
	if err != nil || stop == 0 || r.step == before+1 {
		return stop != 0, err
	}
	return true, r.count() // those queued after the last one changed nothing
}

// ahead is how many steps may be taken until somebody has to look: at the stop
// condition, which plans that run ahead can wait for until the clock is due, or
// at metrics.
func (r *runner) ahead() int64 {
	if r.stopped == nil || !r.session.plan.RunsAhead {
		return 1
	}
	n := r.chunk
	if r.loop.MaxSteps > 0 {
		n = min(n, r.loop.MaxSteps-r.step)
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
		if e.Metric < len(r.metrics) { // it is looked at after every step
			n = 1
		}
	}
	return n
}

// holds reads the stop condition before the first step.
func (r *runner) holds() (bool, error) {
	if r.stopped == nil {
		return false, nil
	}
	r.session.mu.Lock()
	defer r.session.mu.Unlock()
	if err := r.session.usable(); err != nil {
		return false, err
	}
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
	fresh := false
	for i := range r.loop.Observers {
		o := &r.loop.Observers[i]
		byCount := o.Every > 0 && r.step%o.Every == 0
		byTime := o.Interval > 0 && looked && elapsed >= r.due[i]
		if !byCount && !byTime {
			continue
		}
		if !fresh {
			if err := r.fill(); err != nil {
				return err
			}
			fresh = true
		}
		if byTime {
			r.due[i] = elapsed + o.Interval
		}
		if err := o.Observe(r.record); err != nil {
			return err
		}
	}
	return nil
}

// adapt chooses how many steps to take before looking at the clock again, so
// that looking costs nothing beside short steps and is punctual beside long
// ones.
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	r.record.Step = r.step
	r.record.Elapsed = time.Since(r.start)
	var err error
	if r.loss != nil {
		if r.record.Loss, err = s.read(r.loss); err != nil {
			return err
		}
	}
	for i, p := range r.metrics {
		if r.record.Metrics[i], err = s.read(p); err != nil {
			return err
		}
	}
	return nil
}

// end waits for the devices, fills the summary and tells the observers.
func (r *runner) end() error {
	if err := r.session.sync(); err != nil {
		return err
	}
	if err := r.fill(); err != nil {
		return err
	}
	r.record.Last = true
	r.summary.Elapsed = r.record.Elapsed
	r.summary.Loss = r.record.Loss
	r.summary.Metrics = append([]float64(nil), r.record.Metrics...)
	for _, o := range r.loop.Observers {
		if err := o.Observe(r.record); err != nil {
			return err
		}
	}
	return nil
}
