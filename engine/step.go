package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
)

// Step runs one step: it computes what every state becomes from the states as
// they are, and commits all of it together. If it fails before its first write,
// nothing has changed and it may be tried again; after that, the error is
// *Poisoned.
func (s *Session) Step(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := checkContext(ctx); err != nil {
		return err
	}
	if err := s.usable(); err != nil {
		return err
	}
	s.moved()
	st := s.stopState()
	switch {
	case st < 0:
		return s.step()
	case s.plan.RunsAhead:
		return s.unmasked(st)
	}
	return s.unended(st)
}

// stopState is the number of the state that says whether the run has ended; -1 if
// there is none.
func (s *Session) stopState() int {
	return slices.IndexFunc(s.plan.Graph.States, func(st *ir.State) bool { return st.Kind == ir.StopState })
}

// unended runs a step of a plan that doesn't run ahead. That the stop condition has
// held is taken back where it has, so that it is afterwards what it is with unmasked:
// whether it holds at this step.
func (s *Session) unended(st int) error {
	state := s.plan.Graph.States[st]
	if s.nodes[s.states[st].node].version == 0 { // a state that was never set; the step says so
		return s.step()
	}
	if s.held == nil {
		var err error
		if s.held, err = s.probe(state.Name); err != nil {
			return err
		}
	}
	held, err := s.read(s.held)
	if err != nil {
		return err
	}
	if held != 0 {
		if err := s.setAll(map[string]*ir.Tensor{state.Name: ir.NewTensor(state.Type)}); err != nil {
			return err
		}
	}
	return s.step()
}

// unmasked runs a step of a plan that runs ahead, whatever the stop condition says:
// that it has held is taken back first, or the step would change nothing.
func (s *Session) unmasked(st int) error {
	states := s.plan.Graph.States
	if s.lastTape == nil {
		if err := s.setAll(map[string]*ir.Tensor{states[st].Name: ir.NewTensor(states[st].Type)}); err != nil {
			return err
		}
		return s.step()
	}
	// Nothing has happened since the last step, which has written the stop condition:
	// this one computes anew all that reads it. So nothing need be told that it was
	// written again, unless the step is not taken.
	home, node := states[st].Home, s.states[st].node
	if s.unstop == nil {
		var err error
		if s.unstop, err = s.devices[home].BindFromHost(s.slice(node), make([]byte, states[st].Type.Bytes())); err != nil {
			return s.failure(node, fmt.Errorf("setting it: %w", err))
		}
	}
	if err := s.unstop.Run(); err != nil {
		s.touched()
		s.poisoned([]int32{int32(st)}, s.failure(node, fmt.Errorf("setting it: %w", err)))
		return s.poison
	}
	if err := s.step(); err != nil && s.poison == nil {
		s.touched()
		s.set(node)
		return err
	}
	s.countCopy(&s.stats, 0, home, int64(states[st].Type.Bytes()), 1)
	return s.usable()
}

// tape is a recorded step: its commands, and under which work it was recorded.
type tape struct {
	commands []device.Command
	plays    []play  // what is run: the commands, or recordings of them
	nodes    []int32 // whose commands those are; the commits follow
	marked   []bool  // by position in nodes: whether the node was stale
	due      []int32 // the states that were due, in order
	commits  []int32 // those of them that were committed
	copied   []int32 // those of them that a command copies home
	write    int     // the first command that writes a home
	stats    Stats   // what one run counts

	tried      bool               // whether devices have been asked to record it
	recordings []device.Recording // among the plays, and burst
	burst      device.Recording   // several of these steps as one; nil if there is none
}

// step is Step on a locked, usable session.
func (s *Session) step() error {
	if t := s.steady; t != nil {
		return s.replaySteady(t)
	}
	s.catchUp()
	slices.Sort(s.due)
	var roots []int32
	for _, st := range s.due {
		roots = append(roots, s.states[st].next)
	}
	work, unset := s.collect(roots)
	if unset >= 0 {
		return &Unset{s.plan.Graph.States[unset].Name}
	}
	if s.options.NoReplay {
		return s.eager(work, nil)
	}
	key := s.key(work)
	for _, t := range s.tapes[key] {
		if s.matches(t, work) {
			return s.replay(t)
		}
	}
	s.lastTape = nil
	t := s.record(work)
	if err := s.eager(work, t); err != nil {
		return err
	}
	if len(s.tapes) >= maxTapes {
		s.forget()
	}
	s.tapes[key] = append(s.tapes[key], t)
	return nil
}

// maxTapes bounds the recordings kept: a program settles into one or two, and a
// caller that writes at random gets no use of them.
const maxTapes = 64

// record begins a recording of a step with this work.
func (s *Session) record(work []int32) *tape {
	t := &tape{nodes: slices.Clone(work), due: slices.Clone(s.due)}
	for _, n := range work {
		t.marked = append(t.marked, s.nodes[n].marked)
	}
	return t
}

// key hashes a step's work.
func (s *Session) key(work []int32) uint64 {
	h := uint64(14695981039346656037)
	add := func(x uint64) { h = (h ^ x) * 1099511628211 }
	for _, n := range work {
		x := uint64(n) << 1
		if s.nodes[n].marked {
			x |= 1
		}
		add(x)
	}
	for _, st := range s.due {
		add(uint64(st) | 1<<63)
	}
	return h
}

// matches reports whether a tape was recorded under exactly this work.
func (s *Session) matches(t *tape, work []int32) bool {
	if !slices.Equal(t.nodes, work) || !slices.Equal(t.due, s.due) {
		return false
	}
	for i, n := range work {
		if t.marked[i] != s.nodes[n].marked {
			return false
		}
	}
	return true
}

// eager runs a step's work node by node, and records it if t isn't nil.
func (s *Session) eager(work []int32, t *tape) error {
	for _, n := range work { // what can't be bound fails before anything is written
		if _, err := s.command(n); err != nil {
			return err
		}
	}
	before := s.stats
	writing := false
	for _, n := range work {
		writing = writing || s.isInPlace(n)
		if err := s.run(n, false); err != nil {
			if writing {
				s.poisoned(s.due, err)
				return s.poison
			}
			return err
		}
	}
	var commits, copied []int32
	var copies []device.Command
	for _, st := range s.due {
		if !s.mustCommit(st) {
			continue
		}
		commits = append(commits, st)
		c, err := s.commitCommand(st)
		if err == nil && c != nil {
			copied, copies = append(copied, st), append(copies, c)
		}
		if err != nil {
			if writing {
				s.poisoned(s.due, s.commitFailure(st, err))
				return s.poison
			}
			return s.commitFailure(st, err)
		}
	}
	for i, c := range copies {
		if err := c.Run(); err != nil {
			s.poisoned(s.due, s.commitFailure(copied[i], err))
			return s.poison
		}
	}
	if t != nil {
		t.commits, t.copied = commits, copied
		t.finish(s, copies)
		t.stats = s.stats.minus(before)
	}
	s.commit(commits)
	return nil
}

// finish gives a recording its commands.
func (t *tape) finish(s *Session, copies []device.Command) {
	t.write = -1
	for i, n := range t.nodes {
		if t.write < 0 && s.isInPlace(n) {
			t.write = i
		}
		t.commands = append(t.commands, s.commands[n])
	}
	if t.write < 0 {
		t.write = len(t.nodes)
	}
	t.commands = append(t.commands, copies...)
	t.plays = oneByOne(t.commands)
}

func (s *Session) commitFailure(st int32, err error) error {
	sp := s.plan.Graph.States[st]
	return s.blame(&Error{Op: "commit", Node: sp.Name, Device: s.plan.Targets[sp.Home].Name, Range: sp.Origin, Err: err})
}

// replay plays a recording made under the very work that this step has, and
// does the bookkeeping.
func (s *Session) replay(t *tape) error {
	for _, p := range t.plays {
		if err := p.command.Run(); err != nil {
			return s.replayFailed(t, p.first, err)
		}
	}
	for _, n := range t.nodes {
		s.hasRun(n, true)
	}
	s.stats.add(t.stats, 1)
	before := s.lastTape
	s.commit(t.commits)
	s.lastTape = t
	if before == t && s.options.Trace == nil {
		s.steady = t
		return s.recordOnDevices(t)
	}
	return nil
}

// replaySteady plays a recording at the fixed point: marks and work after it
// are what they were before, so only the count of replays changes.
func (s *Session) replaySteady(t *tape) error {
	for _, p := range t.plays {
		if err := p.command.Run(); err != nil {
			s.catchUp()
			s.demand++
			return s.replayFailed(t, p.first, err)
		}
	}
	s.behind++
	return nil
}

// replayFailed accounts for the commands that did run.
func (s *Session) replayFailed(t *tape, at int, err error) error {
	s.touched()
	for _, n := range t.nodes[:min(at, len(t.nodes))] {
		s.count(&s.stats, n, 1)
		s.hasRun(n, true)
	}
	if at < len(t.nodes) {
		err = s.failure(t.nodes[at], err)
	} else {
		err = s.commitFailure(t.copied[at-len(t.nodes)], err)
	}
	if at >= t.write {
		s.poisoned(t.due, err)
		return s.poison
	}
	return err
}

// catchUp counts the steady replays into versions, edges and statistics.
func (s *Session) catchUp() {
	t, times := s.lastTape, s.behind
	if times == 0 {
		return
	}
	s.behind = 0
	s.demand += times
	for i, n := range t.nodes {
		if t.marked[i] {
			s.nodes[n].version += times
		}
		s.nodes[n].computed = 0
	}
	for _, st := range t.commits {
		s.nodes[s.states[st].node].version += times - 1
	}
	for i, n := range t.nodes {
		if !t.marked[i] {
			continue
		}
		in := s.in(n)
		for j := range in {
			in[j].used = s.nodes[in[j].from].version
		}
	}
	for _, st := range t.commits {
		s.nodes[s.states[st].node].version++
		s.states[st].committed = s.nodes[s.states[st].next].version
	}
	s.stats.add(t.stats, int64(times))
}
