package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// again takes steps again. The states after from are sound, and the latest good copy; those
// after to aren't.
type again struct {
	*runner
	watch    *watch
	from, to int64
	foreign  uint64
	began    time.Time
	until    time.Time
	told     bool
}

// deadline is the context with the end of the time for the search.
func (a *again) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.until.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, a.until)
}

// patience is how long finding a step may take before somebody is told of it.
const patience = 500 * time.Millisecond

// find brings from and to together. It gives why that can't be done, or "".
func (a *again) find(ctx context.Context) string {
	if a.session.writes() != a.foreign {
		return "states were set, or steps taken, beside the run"
	}
	stride := int64(1)
	at := int64(-1)
	for a.to-a.from > 1 {
		if at != a.from {
			if err := a.restore(); err != nil {
				return err.Error()
			}
			at = a.from
		}
		stride = min(stride, a.to-a.from-1)
		began := time.Now()
		for range stride {
			if why := a.step(ctx); why != "" {
				return why
			}
			at++
		}
		took := time.Since(began)
		sound, err := a.sound(at)
		switch {
		case err != nil:
			return err.Error()
		case !sound:
			a.to, stride = at, max(1, (at-a.from)/2)
		case took < a.watch.cost:
			a.from, stride = at, 2*stride
		default:
			a.from = at
		}
	}
	return ""
}

// takeLast takes the step that isn't sound, and says in the divergence what it leaves.
func (a *again) takeLast(ctx context.Context, d *Divergence) string {
	if err := a.restore(); err != nil {
		return err.Error()
	}
	if why := a.step(ctx); why != "" {
		return why
	}
	sound, err := a.sound(a.to)
	if err == nil && a.runner.loss != nil {
		d.Loss, err = a.readLoss()
	}
	switch {
	case err != nil:
		return err.Error()
	case sound:
		return "taken again, the step left everything finite"
	}
	d.States = a.watch.unsound
	return ""
}

func (a *again) readLoss() (float64, error) {
	s := a.session
	if a.runner.loss == nil {
		return 0, nil
	}
	if err := s.lock(); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return s.read(a.runner.loss)
}

// step takes one; it gives why not, or "".
func (a *again) step(ctx context.Context) string {
	s := a.session
	if why := a.spent(ctx); why != "" {
		return why
	}
	now := time.Now()
	if !a.told && now.Sub(a.began) > patience {
		a.told = true
		if tell := a.watch.Replaying; tell != nil {
			tell(a.to - a.from)
		}
	}
	if err := s.lock(); err != nil {
		return err.Error()
	}
	defer s.mu.Unlock()
	if s.foreign != a.foreign {
		return "states were set, or steps taken, beside the run"
	}
	s.options.halt.on(ctx)
	defer s.options.halt.off()
	switch err := s.step(); {
	case errors.Is(err, errHalted):
		return a.spent(ctx)
	case err != nil:
		return err.Error()
	}
	return ""
}

// spent says why no more steps are taken, if the context or the time for it has ended.
func (a *again) spent(ctx context.Context) string {
	switch {
	case !a.until.IsZero() && time.Now().After(a.until):
		return fmt.Sprintf("the search for it took longer than %s", a.watch.Limit)
	case ctx.Err() != nil:
		return "the search for it was interrupted"
	}
	return ""
}

// sound looks at loss and states after a step.
func (a *again) sound(step int64) (bool, error) {
	s := a.session
	if err := s.lock(); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	a.watch.unsound = nil
	if a.bad != nil && a.watch.Loss {
		if v, err := s.read(a.bad); err != nil {
			return false, err
		} else if v != 0 {
			spare := a.watch.good
			_, err := a.watch.look(step, a.watch.Beginning.Sound) // for what is unsound besides
			if a.watch.good != spare {
				a.watch.good, a.watch.spare = a.watch.spare, a.watch.good
			}
			return false, err
		}
	}
	return a.watch.look(step, a.watch.Beginning.Sound)
}

// restore goes back to the latest good copy.
func (a *again) restore() error {
	s := a.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := a.watch.restore(); err != nil {
		return err
	}
	return a.count()
}
