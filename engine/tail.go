package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Tail takes the last step of every epoch, whose batch is smaller. Graphs have fixed
// sizes, so that step has a graph, a plan and memory of its own. The states move to it
// before the step and back after it; between steps, a session's states are always in
// its own homes.
type Tail struct {
	// Plan is of the graph for the smaller batch, which has the states of the session's
	// own: the same names and types. It is for the same devices.
	Plan *lower.Plan
	// Every is how many steps an epoch has. The step at which the counter, Step, becomes
	// a multiple of it is taken by Plan.
	Every int64
	Step  string
}

// tail is a Tail at work: a session inside of another, of which it is the only caller.
type tail struct {
	*Session
	main    *Session
	every   int64
	counter *probe // of main
	state   int32  // the counter's number in main
	moves   []move

	at    int64 // the counter of main, if it is known
	known bool
	lost  uint64 // how often main had lost all values when tail's were last looked at
}

// move is a state on its way from one session to the other, and back.
type move struct {
	main, tail int32  // the state's number in each
	used       uint64 // the version that tail has of main's; 0: none
	to, back   device.Command
}

// newTail makes the tail of a session.
func newTail(main *Session, t *Tail) (_ *tail, err error) {
	if t.Every < 1 {
		return nil, fmt.Errorf("engine: Tail.Every is %d; an epoch has at least 1 step", t.Every)
	}
	o := main.options
	o.Tail = nil
	s, err := New(t.Plan, main.devices, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	r := &tail{Session: s, main: main, every: t.Every}
	if r.counter, err = main.probe(t.Step); err != nil {
		return nil, err
	}
	if r.counter.tensor.Type.DType != ir.I64 {
		return nil, fmt.Errorf("engine: the step counter %s is %s; it must be i64[]", t.Step, r.counter.tensor.Type)
	}
	r.state = int32(slices.Index(main.plan.Graph.States, main.plan.Graph.State(t.Step)))
	return r, r.match()
}

// match pairs the states of both sessions.
func (t *tail) match() error {
	ours, theirs := t.main.plan.Graph.States, t.plan.Graph.States
	for i, st := range ours {
		j := slices.IndexFunc(theirs, func(other *ir.State) bool { return other.Name == st.Name })
		switch {
		case j < 0:
			return fmt.Errorf("engine: the graph for the smaller batch has no state %s", diag.Cut(st.Name))
		case !theirs[j].Type.Equal(st.Type):
			return fmt.Errorf("engine: %s is %s, but %s in the graph for the smaller batch", diag.Cut(st.Name), st.Type, theirs[j].Type)
		}
		t.moves = append(t.moves, move{main: int32(i), tail: int32(j)})
	}
	if len(theirs) != len(ours) {
		return fmt.Errorf("engine: the graph for the smaller batch has %d states; the other has %d", len(theirs), len(ours))
	}
	return nil
}

// until is how many steps come before the next one that the tail takes; 0: it is next.
func (t *tail) until() (int64, error) {
	if !t.known {
		if _, err := t.main.read(t.counter); err != nil {
			return 0, err
		}
		t.at, t.known = t.counter.tensor.Int(0), true
	}
	return t.every - 1 - t.at%t.every, nil
}

// tailNext reports whether the tail takes the next step. The session is locked and usable.
func (s *Session) tailNext() (bool, error) {
	if s.tail == nil {
		return false, nil
	}
	left, err := s.tail.until()
	return left == 0, err
}

// counted notes steps that main or tail has taken, unless they failed.
func (t *tail) counted(steps int64, err error) {
	t.at += steps
	t.known = err == nil
}

// miscounted says that the counter may be other than noted: someone has set it, or steps
// beyond the last one have changed nothing.
func (s *Session) miscounted() {
	if s.tail != nil {
		s.tail.known = false
	}
}

// step takes main's next step.
func (t *tail) step() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.take(); err != nil {
		return t.failed(err)
	}
	for i := range t.moves {
		if m := &t.moves[i]; t.states[m.tail].next >= 0 { // what the step leaves isn't main's before give
			m.used = 0
		}
	}
	if err := t.Session.step(); err != nil {
		return t.failed(err)
	}
	return t.give()
}

// failed gives main's error for one of the tail's before anything of main's was
// written. States of tail that are half written are of no concern to main: they move
// anew with the next try. But the failure of queued work may be that of main's.
func (t *tail) failed(err error) error {
	if p := (*Poisoned)(nil); errors.As(err, &p) {
		err = p.Err
		for i := range t.moves {
			t.moves[i].used = 0
		}
	}
	return t.main.faults.blame(err)
}

// take moves the states that have changed from main to tail.
func (t *tail) take() error {
	t.main.tapes.catchUp()
	if lost := t.main.faults.lost; t.lost != lost { // the devices are tail's too
		t.faults.distrust()
		t.lost = lost
		for i := range t.moves {
			t.moves[i].used = 0
		}
	}
	t.tapes.touched()
	for i := range t.moves {
		m := &t.moves[i]
		from, to := t.main.states[m.main].node, t.states[m.tail].node
		version := t.main.nodes[from].version
		if version == 0 || m.used == version { // not set; the step says so
			continue
		}
		if m.to == nil {
			c, err := t.bindMove(t.Session, to, t.main, from)
			if err != nil {
				return err
			}
			m.to = c
		}
		m.used = 0
		if err := m.to.Run(); err != nil {
			return t.main.faults.failure(from, fmt.Errorf("moving it to the smaller batch: %w", err))
		}
		t.moved(t.main, from, t.Session, m.tail)
		m.used = version
	}
	return nil
}

// give moves the states that the step has written back from tail to main.
func (t *tail) give() error {
	s := t.main
	var written []*move
	var states []int32
	for i := range t.moves {
		m := &t.moves[i]
		if s.states[m.main].next < 0 && t.states[m.tail].next < 0 {
			continue
		}
		if m.back == nil {
			c, err := t.bindMove(s, s.states[m.main].node, t.Session, t.states[m.tail].node)
			if err != nil { // nothing of main's has been written
				return s.faults.blame(err)
			}
			m.back = c
		}
		written, states = append(written, m), append(states, m.main)
	}
	s.tapes.touched()
	for _, m := range written {
		if err := m.back.Run(); err != nil {
			return s.faults.poisoned(states, s.faults.commitFailure(m.main, err))
		}
		t.moved(t.Session, t.states[m.tail].node, s, m.main)
		m.used = s.nodes[s.states[m.main].node].version
	}
	return nil
}

// bindMove prepares the copy of a state's home to the one in another session.
func (t *tail) bindMove(to *Session, dst int32, from *Session, src int32) (device.Command, error) {
	c, err := device.BindCopy(to.memory.slice(dst), from.memory.slice(src))
	if err != nil {
		return nil, t.main.faults.failure(t.main.states[0].node, err)
	}
	return to.commands.awaited(to.commands.afterReaders(dst, c), to.plan.Graph.Nodes[dst].Space, from.plan.Graph.Nodes[src].Space), nil
}

// moved accounts for a state that has moved.
func (t *tail) moved(from *Session, n int32, to *Session, st int32) {
	home := from.plan.Graph.Nodes[n]
	t.main.stats.copied(home.Space, to.plan.Graph.States[st].Home, home.Type.Bytes())
	to.replaced(st)
}

// fetch is main's fetch of a node, not a state, for the smaller batch.
func (t *tail) fetch(name string) (*ir.Tensor, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.names.find(name)
	if err != nil {
		return nil, err
	}
	if err := t.take(); err != nil {
		return nil, t.failed(err)
	}
	v, err := t.Session.fetch(n)
	if err != nil {
		return nil, t.failed(err)
	}
	return v, nil
}
