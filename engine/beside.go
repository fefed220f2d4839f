package engine

import (
	"context"
	"errors"
)

// ErrRunning is what Run returns while another Run of the session is in progress.
var ErrRunning = errors.New("engine: another Run of the session is in progress")

var errNoContext = errors.New("engine: the context is nil; context.Background() is one that never ends")

// checkContext is the error of a context that is nil or has ended.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return errNoContext
	}
	return ctx.Err()
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

// otherStep notes that a caller has taken a step, if there is a run. The session
// is locked.
func (r *runner) otherStep() {
	if r != nil {
		r.moved = true
	}
}

// wrote notes that a caller has written a state, if there is a run. The session is
// locked.
func (r *runner) wrote(state string) {
	if r != nil && (state == r.loop.Step || state == r.loop.Stopped) {
		r.moved = true
	}
}

// follow notices what other callers have done to the states: their steps are not
// part of the run, but the counter, the limit and the stop condition depend on the
// states. The session is locked.
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

// full reports whether the counter has reached the limit.
func (r *runner) full() bool { return r.loop.MaxSteps > 0 && r.step >= r.loop.MaxSteps }
