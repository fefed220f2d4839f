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
// States must be sound (ir.State.Sound). The loss is known exactly, by Loop.NonFinite. States are looked
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

	// Beginning knows which states may be infinite, and is told as a run begins; nil: the
	// guard has one of its own.
	Beginning *Beginning

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
	session *Session
	began   int64     // the step at which the run began
	foreign uint64    // Session.foreign then
	good    *snapshot // the latest sound one; nil if there is none
	spare   *snapshot
	cost    time.Duration // of the latest look
	next    time.Duration // when the next one is due, in the run
	sound   point         // of the latest look that found all states sound
	unsound []string      // states that the latest look has found unsound
	memos   []memo        // what the loop remembered since good, the oldest first
}

// point says which states a session has: those after a step, and after so many of
// Session.foreign.
type point struct {
	step    int64
	foreign uint64
}

// snapshot is a copy of all states after a step.
type snapshot struct {
	point
	values []*ir.Tensor
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
	own := *g
	if own.Beginning == nil {
		own.Beginning = &Beginning{}
	}
	w := &watch{Guard: &own, session: s, began: step, foreign: s.foreign}
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
	sound, err := w.look(step, func(st *ir.State, nan, infinite bool) bool {
		if st.Trained() {
			w.Beginning.note(st, infinite)
		}
		return w.Beginning.Sound(st, nan, infinite)
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

// look copies the states as they are after a step, and reports whether they are sound;
// then the copy is the latest good one. The session is locked.
func (w *watch) look(step int64, accepts func(st *ir.State, nan, infinite bool) bool) (bool, error) {
	began := time.Now()
	s := w.session
	w.unsound = nil
	kept := len(w.spare.values) > 0
	for i, st := range s.plan.Graph.States {
		var v *ir.Tensor
		switch {
		case kept:
			v = w.spare.values[i]
		case st.Trained():
			v = ir.NewTensor(st.Type)
		default:
			continue
		}
		if err := s.download(int32(st.Read.ID), v.Data); err != nil {
			return false, s.faults.blame(fmt.Errorf("engine: looking at %s: %w", st.Name, err))
		}
		if nan, infinite := v.NonFinite(); (nan || infinite || w.good == nil) && !accepts(st, nan, infinite) {
			w.unsound = append(w.unsound, st.Name)
		}
	}
	w.cost = time.Since(began)
	if len(w.unsound) > 0 {
		return false, nil
	}
	w.sound = point{step, s.foreign}
	if kept {
		w.spare.point = w.sound
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
