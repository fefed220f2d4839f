package engine

import (
	"context"
	"errors"
)

// ErrRunning is what Run gives while another Run of the session goes on.
var ErrRunning = errors.New("engine: the session is running: another Run can begin when this one has ended")

var errNoContext = errors.New("engine: the context is nil; context.Background() is one that never ends")

// checkContext is the error for a context that can't be, or has ended.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return errNoContext
	}
	return ctx.Err()
}

// begin makes a run the one of its session. The session is locked.
func (s *Session) begin(r *runner) error {
	if s.runner != nil {
		return ErrRunning
	}
	s.runner = r
	return nil
}

// ended lets another run begin.
func (s *Session) ended(r *runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runner == r {
		s.runner = nil
	}
}

// moved notes that a caller has taken a step. The session is locked.
func (s *Session) moved() {
	if s.runner != nil {
		s.runner.moved = true
	}
}

// wrote notes that a caller has written a state. The session is locked.
func (s *Session) wrote(state string) {
	if r := s.runner; r != nil && (state == r.loop.Step || state == r.loop.Stopped) {
		r.moved = true
	}
}

// follow looks where callers have taken the states beside the run: others' steps are
// no steps of it, but the counter, the limit and the stop condition are the states'.
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

// full reports whether the counter has reached the limit.
func (r *runner) full() bool { return r.loop.MaxSteps > 0 && r.step >= r.loop.MaxSteps }
