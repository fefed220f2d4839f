package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// CopyLimit is how many bytes of states are copied to go back to.
type CopyLimit int64

// String says it in words.
func (l CopyLimit) String() string {
	if l >= 1<<20 {
		return fmt.Sprintf("%d MiB", l>>20)
	}
	return fmt.Sprintf("%d bytes", int64(l))
}

// errNoCopies is why a session whose states are too large to copy doesn't go back.
var errNoCopies = errors.New("no copies of states are kept that are so large, and there is no checkpoint")

// goBackToFile goes back to the newest checkpoint, and takes the steps again from there,
// where no copies of the states are kept. It needs room for one more set of states, and
// only while it reads the file: so it looks at the states after each step, and having
// found the first bad one begins again, to end before it.
func (r *runner) goBackToFile(ctx context.Context, d *Divergence) error {
	w, s := r.watch, r.session
	foreign := s.writes()
	if err := w.reload(r); err != nil {
		d.Why = err.Error()
		return nil
	}
	from := r.step
	d.Sound = from
	defer func() { r.recall(d.Sound) }()
	if from < w.began || foreign != w.foreign {
		d.Why = "states were set, or steps taken, beside the run"
		return nil
	}
	a := &again{runner: r, watch: w, began: time.Now(), from: from, to: d.Step, foreign: foreign}
	if w.Limit > 0 {
		a.until = a.began.Add(w.Limit)
	}
	ctx, done := a.deadline(ctx)
	defer done()
	d.Why = a.walk(ctx, d)
	if !d.Exact { // as far as it has come, all was sound
		return a.stay(d)
	}
	if err := w.reload(r); err != nil {
		d.Why, d.Sound = err.Error(), -1
		return nil
	}
	for r.step < d.Step-1 {
		if d.Why = a.step(ctx); d.Why != "" {
			return a.stay(d)
		}
		r.step++
	}
	d.Why = fmt.Sprintf("no step of states larger than %s is taken again node by node; --check-numerics does that, from the checkpoint", w.Most)
	return a.stay(d)
}

// walk takes one step after the other until one leaves the states unsound, and says in the
// divergence which. It gives why there is none, or "".
func (a *again) walk(ctx context.Context, d *Divergence) string {
	for at := a.from + 1; at <= a.to; at++ {
		if why := a.step(ctx); why != "" {
			return why
		}
		sound, err := a.sound(at)
		if err == nil && !sound && a.runner.loss != nil {
			d.Loss, err = a.readLoss()
		}
		if err != nil {
			return err.Error()
		}
		if !sound {
			d.Step, d.Exact, d.States = at, true, a.watch.unsound
			return ""
		}
	}
	return "taken again, the steps left everything finite"
}

// stay leaves the session where it is, at a step whose states are sound.
func (a *again) stay(d *Divergence) error {
	s := a.session
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := a.count(); err != nil {
		return err
	}
	d.Sound = a.runner.step
	return nil
}

// reload sets the states of the newest checkpoint.
func (w *watch) reload(r *runner) error {
	if w.Reload == nil {
		return errNoCopies
	}
	values, err := w.Reload()
	if err == nil && values == nil {
		err = errNoCopies
	}
	if err != nil {
		return err
	}
	s := w.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.setAll(values); err != nil {
		return err
	}
	return r.count()
}

// newDivergence is what is known before any step is taken again.
func (r *runner) newDivergence() *Divergence {
	d := &Divergence{Step: r.step, Loss: math.NaN(), States: r.watch.unsound, Sound: -1}
	if r.record.NonFinite != 0 {
		d.Step = min(d.Step, r.record.NonFinite)
	}
	return d
}
