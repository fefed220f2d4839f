package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/flowrun/flowrun/ir"
)

// Guard ends a run whose loss or states are no longer finite, and takes the session back
// to the last step at which they were.
//
// Parameters must be finite; what an optimizer keeps must be too; what modules keep must
// not be NaN, as running maxima begin with infinity. A state that holds infinity when the
// run begins may hold it. The loss is known exactly, by Loop.NonFinite. States are looked
// at where that is cheap: whenever the clock is read and looking costs at most a 200th of
// the time since, before an observer that wants them sound, and at the end. Each time, a
// copy of them is kept. From the latest sound one, or from the newest checkpoint if states
// are too large to be copied, the steps are taken again, which gives the same bits, until
// the first step that leaves them unsound is found.
type Guard struct {
	Loss   bool          // a loss that isn't finite ends the run; otherwise only states do
	Always bool          // look after every step
	Limit  time.Duration // how long finding the step may take
	Most   CopyLimit     // bytes of a copy; of larger states none is kept

	// Reload gives the states of the newest checkpoint, which are sound; nil: there is
	// none. It is for states of which no copy is kept, and may be nil.
	Reload func() (map[string]*ir.Tensor, error)

	// Replaying is told, before the steps are taken again, how many there are at most. It
	// may be nil.
	Replaying func(steps int64)
	// Explain finds out what a step did, from the states before it. It fills in the
	// divergence; what it can't find out is no error. It may be nil.
	Explain func(ctx context.Context, d *Divergence, before map[string]*ir.Tensor)
}

// lookShare is how many times the cost of a look lies between two.
const lookShare = 200

// lookEvery is the time between looks, however cheap they are.
const lookEvery = 200 * time.Millisecond

// watch is a guard at work.
type watch struct {
	*Guard
	session  *Session
	began    int64     // the step at which the run began
	foreign  uint64    // Session.foreign then
	infinite []bool    // by state: it held infinity when the run began
	good     *snapshot // the latest sound one; nil if there is none
	spare    *snapshot
	cost     time.Duration // of the latest look
	next     time.Duration // when the next one is due, in the run
	unsound  []string      // states that the latest look has found unsound
	memos    []memo        // what the loop remembered since good, the oldest first
}

// snapshot is a copy of all states after a step.
type snapshot struct {
	step    int64
	foreign uint64 // Session.foreign then
	values  []*ir.Tensor
}

// memo is what a loop remembers besides the states, after a step.
type memo struct {
	step   int64
	values []*ir.Tensor // of the evaluation
	ran    bool
	best   float64 // of early stopping
	at     int64
	top    Value
}

// newWatch begins to guard a session: its states must be sound now.
func newWatch(g *Guard, s *Session, step int64) (*watch, error) {
	w := &watch{Guard: g, session: s, began: step, foreign: s.foreign, infinite: make([]bool, len(s.plan.Graph.States))}
	bytes := int64(0)
	for _, st := range s.plan.Graph.States {
		bytes += int64(st.Type.Bytes())
		if s.nodes[st.Read.ID].version == 0 {
			return nil, &Unset{st.Name}
		}
	}
	if CopyLimit(bytes) > w.Most {
		w.spare = &snapshot{} // a place to look at one state after the other
	} else {
		w.spare = newSnapshot(s)
	}
	sound, err := w.look(step, func(i int, nan, infinite bool) bool {
		w.infinite[i] = infinite
		return !nan || !watched(s.plan.Graph.States[i])
	})
	if err != nil {
		return nil, err
	}
	if !sound {
		return nil, fmt.Errorf("engine: %s is NaN before the first step", w.unsound[0])
	}
	return w, nil
}

func newSnapshot(s *Session) *snapshot {
	c := &snapshot{}
	for _, st := range s.plan.Graph.States {
		c.values = append(c.values, ir.NewTensor(st.Type))
	}
	return c
}

// watched reports whether a state has to be sound.
func watched(st *ir.State) bool {
	return st.Kind == ir.ParamState || st.Kind == ir.BufferState || st.Kind == ir.OptimState
}

// accepts reports whether a state is sound, by what it holds.
func (w *watch) accepts(i int, nan, infinite bool) bool {
	st := w.session.plan.Graph.States[i]
	return !watched(st) || !nan && (!infinite || w.infinite[i] || st.Kind == ir.BufferState)
}

// look copies the states as they are after a step, and reports whether they are sound;
// then the copy is the latest good one. The session is locked.
func (w *watch) look(step int64, accepts func(i int, nan, infinite bool) bool) (bool, error) {
	began := time.Now()
	s := w.session
	w.unsound = nil
	kept := len(w.spare.values) > 0
	for i, st := range s.plan.Graph.States {
		var v *ir.Tensor
		switch {
		case kept:
			v = w.spare.values[i]
		case watched(st):
			v = ir.NewTensor(st.Type)
		default:
			continue
		}
		if err := s.download(int32(st.Read.ID), v.Data); err != nil {
			return false, s.faults.blame(fmt.Errorf("engine: looking at %s: %w", st.Name, err))
		}
		if nan, infinite := v.NonFinite(); (nan || infinite || w.good == nil) && !accepts(i, nan, infinite) {
			w.unsound = append(w.unsound, st.Name)
		}
	}
	w.cost = time.Since(began)
	if len(w.unsound) > 0 {
		return false, nil
	}
	if kept {
		w.spare.step, w.spare.foreign = step, s.foreign
		w.good, w.spare = w.spare, w.good
		if w.spare == nil {
			w.spare = newSnapshot(s)
		}
	}
	return true, nil
}

// restore writes the latest sound states back. The session is locked.
func (w *watch) restore() error {
	values := map[string]*ir.Tensor{}
	for i, st := range w.session.plan.Graph.States {
		values[st.Name] = w.good.values[i]
	}
	return w.session.setAll(values)
}

// due reports whether it is time for a look.
func (w *watch) due(elapsed time.Duration) bool { return w != nil && elapsed >= w.next }

// postpone says when the next look is due.
func (w *watch) postpone(elapsed time.Duration) { w.next = elapsed + max(lookEvery, lookShare*w.cost) }

// forget drops what is older than the good copy.
func (w *watch) forget() {
	if w.good == nil {
		return
	}
	n := 0
	for n+1 < len(w.memos) && w.memos[n+1].step <= w.good.step {
		n++
	}
	w.memos = slices.Delete(w.memos, 0, n)
}
