package engine

import (
	"context"
	"errors"
	"time"

	"github.com/flowrun/flowrun/ir"
)

// Divergence says how a run stopped being finite.
type Divergence struct {
	Step   int64    // the first step that left the loss or states unsound, as far as that is known: see Exact
	Exact  bool     // it was found; otherwise it is the step at which that was noticed
	Loss   float64  // of that step
	States []string // those that the step left unsound
	Sound  int64    // the step whose states the session has now; -1: those are unsound, as nothing else was kept
	Why    string   // if the first step, or what made it, wasn't found: why not

	Cause *Cause // what made it; nil if that isn't known

	// Checkpoint is the newest checkpoint of the run, whose states are sound; "" if it
	// writes none. The engine leaves it and Scale to its caller.
	Checkpoint string
	// Scale is what losses are multiplied by before they are differentiated, as the run
	// ended; 0 if they aren't scaled.
	Scale float64
}

// beginWatch begins to guard the run. The session is locked.
func (r *runner) beginWatch() error {
	g := r.loop.Guard
	if g == nil {
		return nil
	}
	s := r.session
	if err := r.beginFinite(); err != nil {
		return err
	}
	w, err := newWatch(g, s, r.step)
	if unset := (*Unset)(nil); errors.As(err, &unset) {
		return nil // the first step says so
	}
	if err != nil {
		return err
	}
	r.watch = w
	w.postpone(0)
	r.memorize()
	return nil
}

// beginFinite forgets that the loss wasn't finite in an earlier run, which has gone on
// beyond it.
func (r *runner) beginFinite() error {
	s := r.session
	st := s.plan.Graph.State(r.loop.NonFinite)
	if st == nil || !r.loop.Guard.Loss || s.nodes[st.Read.ID].version == 0 {
		return nil
	}
	v := ir.NewTensor(st.Type)
	if err := s.download(int32(st.Read.ID), v.Data); err != nil {
		return s.faults.blame(err)
	}
	if v.Int(0) == 0 {
		return nil
	}
	return s.setAll(map[string]*ir.Tensor{st.Name: ir.NewTensor(st.Type)})
}

// memorize notes what the loop remembers after a step, if that is something new.
func (r *runner) memorize() {
	w, e, stop := r.watch, r.loop.Evaluation, r.loop.EarlyStop
	if w == nil || e == nil && stop == nil {
		return
	}
	m := memo{step: r.step}
	if e != nil {
		e.lock.Lock()
		m.values, m.ran = e.values, e.ran
		e.lock.Unlock()
	}
	if stop != nil {
		m.best, m.at = stop.Best, stop.At
	}
	if top := r.loop.Top; top != nil {
		m.top = top.Best()
	}
	if n := len(w.memos); n > 0 {
		last := &w.memos[n-1]
		same := len(m.values) == len(last.values) && (len(m.values) == 0 || m.values[0] == last.values[0])
		if same && m.at == last.at && m.top == last.top && m.ran == last.ran {
			return
		}
	}
	w.memos = append(w.memos, m)
}

// recall makes the loop remember what it did after a step.
func (r *runner) recall(step int64) {
	w, e, stop := r.watch, r.loop.Evaluation, r.loop.EarlyStop
	for i := len(w.memos) - 1; i >= 0; i-- {
		m := &w.memos[i]
		if m.step > step && i > 0 {
			continue
		}
		if e != nil {
			e.lock.Lock()
			e.values, e.ran, e.Due = m.values, m.ran, 0
			e.lock.Unlock()
			r.evaluated = m.values
		}
		if stop != nil {
			stop.Best, stop.At = m.best, m.at
		}
		if top := r.loop.Top; top != nil {
			top.set(m.top)
		}
		return
	}
}

// guard looks at what must be known before anything else is made of a step: at all of it
// if the guard wants that, and otherwise at the loss where an evaluation or early
// stopping would see what came of it.
func (r *runner) guard() error {
	if r.watch == nil || r.diverged {
		return nil
	}
	if r.watch.Always {
		return r.look()
	}
	e, stop := r.loop.Evaluation, r.loop.EarlyStop
	if r.bad == nil || r.bad.copy == nil || (e == nil || r.step%e.Every != 0) && (stop == nil || stop.Index >= len(r.metrics)) {
		return nil
	}
	s := r.session
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	return r.seeNonFinite()
}

// look looks at the states, and keeps a copy of them if they are sound.
func (r *runner) look() error {
	w, s := r.watch, r.session
	if w == nil {
		return nil
	}
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := r.follow(); err != nil {
		return err
	}
	if r.bad != nil {
		if err := r.seeNonFinite(); err != nil || r.diverged {
			return err
		}
	}
	if w.sound == (point{r.step, s.foreign}) { // another has just looked at them
		return nil
	}
	sound, err := w.look(r.step, w.Beginning.Sound)
	if err != nil {
		return err
	}
	r.diverged = !sound
	w.forget()
	w.postpone(time.Since(r.start))
	return nil
}

// settle looks at the states at the end of a run. If the run has diverged, it goes back to
// the last sound step, and says why.
func (r *runner) settle(ctx context.Context) error {
	if r.watch == nil {
		return nil
	}
	if err := r.session.sync(); err != nil {
		return err
	}
	if !r.diverged {
		if err := r.look(); err != nil || !r.diverged {
			return err
		}
	}
	r.tellNonFinite()
	r.summary.Stopped = StoppedNonFinite
	return r.goBack(ctx)
}

// unsettled is settle for a run that has failed: it takes no steps, which might fail again.
func (r *runner) unsettled() error {
	if r.watch == nil || r.summary.Divergence != nil {
		return nil
	}
	ended, end := context.WithCancel(context.Background())
	end()
	stopped := r.summary.Stopped
	err := r.settle(ended)
	r.summary.Stopped = stopped
	return err
}

// goBack finds the last sound step by taking the steps again from the latest good copy,
// and leaves the session there.
func (r *runner) goBack(ctx context.Context) error {
	w, s := r.watch, r.session
	d := r.newDivergence()
	r.summary.Divergence = d
	before := r.step
	defer func() { r.summary.Steps += r.step - before }()
	if w.good == nil {
		return r.goBackToFile(ctx, d)
	}
	a := &again{runner: r, began: time.Now(), watch: w, from: w.good.step, to: d.Step, foreign: w.good.foreign}
	if w.Limit > 0 {
		a.until = time.Now().Add(w.Limit)
	}
	within, done := a.deadline(ctx)
	defer done()
	d.Why = a.find(within)
	if d.Why == "" {
		d.Step, d.Exact = a.to, true
		d.Why = a.takeLast(within, d)
	}
	if err := a.restore(); err != nil {
		return err
	}
	d.Sound = w.good.step
	r.recall(d.Sound)
	if d.Exact && d.Why == "" && w.Explain != nil {
		values := map[string]*ir.Tensor{}
		for i, st := range s.plan.Graph.States {
			values[st.Name] = w.good.values[i]
		}
		w.Explain(ctx, d, values)
	}
	return nil
}

// writes is how often callers have written states or taken steps beside a run.
func (s *Session) writes() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.foreign
}
