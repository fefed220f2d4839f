package engine

import (
	"context"
	"errors"
)

// halt ends work between the positions of a scan, which may be long, when the context of
// the call that the session is at has ended. Scans write no states: a step that is ended
// there has changed nothing.
type halt struct{ done <-chan struct{} }

// errHalted says that the context has ended.
var errHalted = errors.New("engine: ended between two positions of a scan")

// on begins a call with a context; off ends it. The session is locked.
func (h *halt) on(ctx context.Context) { h.done = ctx.Done() }
func (h *halt) off()                   { h.done = nil }

// err is errHalted once the context has ended.
func (h *halt) err() error {
	select {
	case <-h.done:
		return errHalted
	default:
		return nil
	}
}

// haltedBy gives the context's error instead of that of work that it has ended.
func haltedBy(ctx context.Context, err error) error {
	if errors.Is(err, errHalted) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
